SECRET_VALUE=$(echo -n "sk_live_abc123" | base64)

curl -s -X POST \
  -H "Authorization: Bearer $TOKEN" \
  -H "X-Organisation-Identity: $ORG_ID" \
  -H "Content-Type: application/json" \
  -d "{
    \"path\": \"/app/production/api/stripe-key\",
    \"kmsKeyIdentity\": \"$KMS_KEY_IDENTITY\",
    \"secretString\": \"$SECRET_VALUE\"
  }" \
  https://api.thalassa.cloud/v1/secrets/nl-01/secrets
