curl --request POST \
  --url https://api.akua.dev/v1/secrets \
  --header 'Authorization: Bearer <token>' \
  --header 'Content-Type: application/json' \
  --data '
{
  "name": "<string>",
  "value": "<string>",
  "description": "<string>",
  "labels": {}
}
'
