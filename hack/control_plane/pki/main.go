// Command pki writes the keys and certificates that a list on stdin asks for into a folder.
//
// Python's standard library can check certificates but not make them, and openssl is not
// everywhere; Go is needed for the other programs anyway and has all of it built in.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// request asks for NAME.key and NAME.crt, or with KeyOnly for NAME.key and NAME.pub.
type request struct {
	Name         string   `json:"name"`
	CommonName   string   `json:"commonName"`
	Groups       []string `json:"groups"`
	Issuer       string   `json:"issuer"` // the name of a CA; empty: signed by itself, and a CA
	Hosts        []string `json:"hosts"`  // names and addresses; empty: only for clients
	KeyOnly      bool     `json:"keyOnly"`
	ValidityDays int      `json:"validityDays"`
}

type store struct{ dir string }

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: pki FOLDER < requests.json"))
	}
	var requests []request
	if err := json.NewDecoder(os.Stdin).Decode(&requests); err != nil {
		fail(fmt.Errorf("stdin is not a list of requests: %w", err))
	}
	s := store{os.Args[1]}
	for _, r := range requests {
		if err := s.make(r); err != nil {
			fail(fmt.Errorf("%s: %w", r.Name, err))
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func (s store) make(r request) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := s.write(r.Name+".key", "PRIVATE KEY", private); err != nil {
		return err
	}
	if r.KeyOnly {
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return err
		}
		return s.write(r.Name+".pub", "PUBLIC KEY", public)
	}
	template, err := describe(r)
	if err != nil {
		return err
	}
	parent, signer := template, crypto.Signer(key)
	if r.Issuer != "" {
		if parent, signer, err = s.issuer(r.Issuer); err != nil {
			return err
		}
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	return s.write(r.Name+".crt", "CERTIFICATE", signed)
}

func describe(r request) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	// An hour back: the clock of a container or a virtual machine may lag behind ours.
	start := time.Now().Add(-time.Hour)
	c := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: r.CommonName, Organization: r.Groups},
		NotBefore:             start,
		NotAfter:              start.AddDate(0, 0, r.ValidityDays),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	if r.Issuer == "" {
		c.IsCA = true
		c.KeyUsage |= x509.KeyUsageCertSign
		return c, nil
	}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if len(r.Hosts) > 0 {
		c.ExtKeyUsage = append(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	for _, host := range r.Hosts {
		if address := net.ParseIP(host); address != nil {
			c.IPAddresses = append(c.IPAddresses, address)
		} else {
			c.DNSNames = append(c.DNSNames, host)
		}
	}
	return c, nil
}

func (s store) issuer(name string) (*x509.Certificate, crypto.Signer, error) {
	raw, err := s.read(name + ".crt")
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, nil, err
	}
	if raw, err = s.read(name + ".key"); err != nil {
		return nil, nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		return nil, nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("%s.key cannot sign", name)
	}
	return certificate, signer, nil
}

func (s store) read(file string) ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", file)
	}
	return block.Bytes, nil
}

func (s store) write(file, kind string, raw []byte) error {
	block := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
	return os.WriteFile(filepath.Join(s.dir, file), block, 0o600)
}
