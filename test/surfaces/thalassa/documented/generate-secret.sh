curl -s -X POST \
  -H "Authorization: Bearer $TOKEN" \
  -H "X-Organisation-Identity: $ORG_ID" \
  -H "Content-Type: application/json" \
  -d '{
    "path": "/app/production/api/webhook-secret",
    "kmsKeyIdentity": "'"$KMS_KEY_IDENTITY"'",
    "generateSecret": { "byteLength": 32 }
  }' \
  https://api.thalassa.cloud/v1/secrets/nl-01/secrets
