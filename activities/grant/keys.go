package grant

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
)

// Key files. The private half is one PKCS#8 key as PEM, in a file that only its owner may read; the
// public file has one PKIX key or, while keys are rotated, several. A header marks the keys that
// local mode makes for itself:
//
//	-----BEGIN PRIVATE KEY-----
//	Use: dev
//
// Those are refused wherever dev keys are not asked for: their private half lies about on a laptop.

// ErrDev refuses a key that local mode made.
var ErrDev = errors.New("it has a key of local mode (Use: dev), which is not trusted here; make one with starter keys new")

const (
	privateBlock = "PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
	useHeader    = "Use"
	useDev       = "dev"
	maxKeyFile   = 64 << 10
)

// NewKey makes a private key, as PEM. Dev marks it as one of local mode.
func NewKey(dev bool) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return encode(privateBlock, der, dev), nil
}

func encode(kind string, der []byte, dev bool) []byte {
	block := &pem.Block{Type: kind, Bytes: der}
	if dev {
		block.Headers = map[string]string{useHeader: useDev}
	}
	return pem.EncodeToMemory(block)
}

// Public is the PEM of the public half of a signer's key.
func (s Signer) Public() ([]byte, error) {
	if s.key == nil {
		return nil, errors.New("write the public key: there is no key")
	}
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	if err != nil {
		return nil, fmt.Errorf("write the public key: %w", err)
	}
	return encode(publicBlock, der, s.dev), nil
}

// ID names the signer's key; "" has none.
func (s Signer) ID() string { return s.id }

// LoadSigner reads a private key. A file that others may read is refused, and so is a dev key unless
// allowDev.
func LoadSigner(file string, allowDev bool) (Signer, error) {
	raw, err := readKeyFile(file, true)
	if err != nil {
		return Signer{}, fmt.Errorf("read the private key: %w", err)
	}
	s, err := ParseSigner(raw, allowDev)
	if err != nil {
		return Signer{}, fmt.Errorf("read the private key %s: %w", file, err)
	}
	return s, nil
}

// ParseSigner reads a private key from PEM, as LoadSigner does from a file.
func ParseSigner(raw []byte, allowDev bool) (Signer, error) {
	blocks, err := blocks(raw, privateBlock, allowDev)
	if err != nil {
		return Signer{}, err
	}
	if len(blocks) != 1 {
		return Signer{}, fmt.Errorf("it has %d keys; want one", len(blocks))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(blocks[0].Bytes)
	if err != nil {
		return Signer{}, errors.New("it is no PKCS#8 key") // the cause may quote the key
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return Signer{}, fmt.Errorf("it is a %T; want an Ed25519 key", parsed)
	}
	s := NewSigner(key)
	s.dev = blocks[0].Headers[useHeader] == useDev
	return s, nil
}

// LoadKeys reads the public keys that are trusted. A dev key is refused unless allowDev.
func LoadKeys(file string, allowDev bool) (Keys, error) {
	raw, err := readKeyFile(file, false)
	if err != nil {
		return Keys{}, fmt.Errorf("read the public keys: %w", err)
	}
	k, err := parseKeys(raw, allowDev)
	if err != nil {
		return Keys{}, fmt.Errorf("read the public keys %s: %w", file, err)
	}
	return k, nil
}

func parseKeys(raw []byte, allowDev bool) (Keys, error) {
	blocks, err := blocks(raw, publicBlock, allowDev)
	if err != nil {
		return Keys{}, err
	}
	var keys []ed25519.PublicKey
	for i, b := range blocks {
		parsed, err := x509.ParsePKIXPublicKey(b.Bytes)
		if err != nil {
			return Keys{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		key, ok := parsed.(ed25519.PublicKey)
		if !ok {
			return Keys{}, fmt.Errorf("key %d is a %T; want an Ed25519 key", i+1, parsed)
		}
		keys = append(keys, key)
	}
	return NewKeys(keys...), nil
}

// IDs name the keys, sorted.
func (k Keys) IDs() []string {
	ids := make([]string, 0, len(k.byID))
	for id := range k.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// blocks are the PEM blocks of a file, of which nothing else may be in it but comments between them.
func blocks(raw []byte, kind string, allowDev bool) (all []*pem.Block, err error) {
	for {
		b, rest := pem.Decode(raw)
		switch {
		case b == nil && len(all) == 0:
			return nil, fmt.Errorf("it has no PEM block; want a %s", kind)
		case b == nil:
			return all, nil
		case b.Type == privateBlock && kind == publicBlock:
			return nil, errors.New("it has a private key; a worker is given public keys only, see starter keys public")
		case b.Type != kind:
			return nil, fmt.Errorf("it has a %q; want a %s", clip(b.Type), kind)
		case b.Headers[useHeader] == useDev && !allowDev:
			return nil, ErrDev
		}
		all, raw = append(all, b), rest
	}
}

// readKeyFile reads a file; a secret one must be its owner's alone. It is the open file that is
// looked at, not its name, which could lead elsewhere a moment later.
func readKeyFile(file string, secret bool) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	stat, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !stat.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no file", file)
	case stat.Size() > maxKeyFile:
		return nil, fmt.Errorf("%s is %d bytes; at most %d are read", file, stat.Size(), maxKeyFile)
	case secret && runtime.GOOS != "windows" && stat.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s may be read or written by others (%s); make it yours alone: chmod 600", file, stat.Mode().Perm())
	}
	raw := make([]byte, stat.Size())
	n, err := f.ReadAt(raw, 0)
	if err != nil && n < len(raw) {
		return nil, err
	}
	return raw, nil
}
