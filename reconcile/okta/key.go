package okta

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

const pkcs1Type = "RSA PRIVATE KEY"

// pkcs1 gives the first private key in PEM text in the one form that the SDK takes, and refuses anything else here,
// where it can be said what to do, instead of at the first call.
func pkcs1(text []byte) ([]byte, error) {
	var seen string
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch block.Type {
		case pkcs1Type, "PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			key, err := rsaKey(block)
			if err != nil {
				return nil, err
			}
			return pem.EncodeToMemory(&pem.Block{Type: pkcs1Type, Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
		}
		seen = block.Type
	}
	switch {
	case seen != "":
		return nil, fmt.Errorf("it holds a %q and no private key", seen)
	case bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")):
		return nil, errors.New("it is a JWK; choose PEM when Okta shows the private key, or convert it")
	}
	return nil, errors.New(`it is not PEM text, which begins with "-----BEGIN PRIVATE KEY-----"`)
}

func rsaKey(block *pem.Block) (*rsa.PrivateKey, error) {
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, errors.New("it is encrypted; decrypt it with: openssl rsa -in KEY -out PLAINKEY")
	case block.Type == "EC PRIVATE KEY":
		return nil, errors.New("it is an EC key; register an RSA key with the app")
	case block.Type == pkcs1Type:
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("it cannot be read as a PKCS#1 key; is it complete?")
		}
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("it cannot be read as a PKCS#8 key; is it complete?")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T, not an RSA key; register an RSA key with the app", parsed)
	}
	return key, nil
}
