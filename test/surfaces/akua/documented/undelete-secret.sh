curl --request POST \
  --url https://api.akua.dev/v1/secrets/{id}:undelete \
  --header 'Authorization: Bearer <token>' \
  --header 'if-match: <if-match>'
