USERNAME=$(echo -n "dbadmin" | base64)
PASSWORD=$(echo -n "s3cur3-p@ss" | base64)

curl -s -X POST \
  -H "Authorization: Bearer $TOKEN" \
  -H "X-Organisation-Identity: $ORG_ID" \
  -H "Content-Type: application/json" \
  -d "{
    \"path\": \"/app/production/db/credentials\",
    \"kmsKeyIdentity\": \"$KMS_KEY_IDENTITY\",
    \"secretKeyValues\": {
      \"username\": \"$USERNAME\",
      \"password\": \"$PASSWORD\"
    }
  }" \
  https://api.thalassa.cloud/v1/secrets/nl-01/secrets
