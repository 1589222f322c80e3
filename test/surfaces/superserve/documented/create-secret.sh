curl --request POST \
  --url https://api.superserve.ai/secrets \
  --header 'Content-Type: application/json' \
  --header 'X-API-Key: <api-key>' \
  --data '
{
  "name": "<string>",
  "value": "<string>",
  "provider": "<string>",
  "auth": {
    "header": "<string>",
    "prefix": "<string>",
    "username": "<string>",
    "headers": {}
  },
  "hosts": [
    "<string>"
  ]
}
'
