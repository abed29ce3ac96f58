package setup

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
)

// keyBits is the length of a key that is made, in bits: what Okta makes itself.
const keyBits = 2048

// jwk is a public key as Okta takes it (RFC 7517, RFC 7518 section 6.3.1).
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	Exponent  string `json:"e"`
	Modulus   string `json:"n"`
}

// makeKey makes a private key, and the public half for Okta. Where nobody has
// named the key, it is called after itself: an app may have several.
func (s *Setup) makeKey(ctx context.Context, f *filled) error {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	keyID := "zensync-" + hex.EncodeToString(sum[:4])
	if given := s.Answers.KeyID; given != "" {
		if keyID, err = s.ask(ctx, question{flag: "key-id", given: given, fallback: keyID,
			text: "A key ID (kid) for the new key [" + keyID + "]: ", check: checkID("okta.private_key_id")}); err != nil {
			return err
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	f.keyID, f.key = keyID, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	f.jwk, err = json.Marshal(jwk{
		Type: "RSA", Use: "sig", Algorithm: "RS256", ID: keyID,
		Exponent: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		Modulus:  base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
	})
	return err
}
