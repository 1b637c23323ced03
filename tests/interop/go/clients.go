package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	zitadel "github.com/zitadel/oidc/v3/pkg/client"
	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

func clients(asked question) answers {
	return answers{"x/oauth2": byOauth2(asked), "zitadel/oidc": byZitadel(asked)}
}

func byOauth2(asked question) answers {
	ctx := context.Background()
	told := answers{
		"basic in the header":   token(ctx, config(asked, "basic", oauth2.AuthStyleInHeader)),
		"post in the body":      token(ctx, config(asked, "post", oauth2.AuthStyleInParams)),
		"basic, detected":       token(ctx, config(asked, "basic", oauth2.AuthStyleAutoDetect)),
		"post, detected":        detectedAtEachStart(ctx, asked),
		"post, detected, again": detectedOnce(ctx, asked),
		"workload":              token(ctx, asserted(asked, "workload", asked.Assertion)),
		"certified":             token(certified(ctx, asked), config(asked, "certified", oauth2.AuthStyleInParams)),
	}
	for id := range asked.AwkwardIDs {
		told[id+" in the header"] = token(ctx, config(asked, id, oauth2.AuthStyleInHeader))
		told[id+", detected"] = token(ctx, config(asked, id, oauth2.AuthStyleAutoDetect))
	}
	for alg, key := range asked.Keys {
		told["key-"+alg] = byOwnAssertion(ctx, asked, alg, key)
	}
	told["one assertion for two tokens"] = byOneAssertion(ctx, asked)
	return told
}

func config(asked question, id string, style oauth2.AuthStyle) *clientcredentials.Config {
	secret := asked.Secrets[id] + asked.AwkwardIDs[id]
	return &clientcredentials.Config{
		ClientID:     id,
		ClientSecret: secret,
		TokenURL:     asked.TokenEndpoint,
		Scopes:       []string{asked.Scope},
		AuthStyle:    style,
	}
}

func token(ctx context.Context, config *clientcredentials.Config) answers {
	return answer(config.Token(ctx))
}

func answer(token *oauth2.Token, err error) answers {
	if err != nil {
		return failed(err)
	}
	return answers{
		"access_token": token.AccessToken,
		"token_type":   token.TokenType,
		"expires_in":   int(time.Until(token.Expiry).Seconds()),
		"scope":        token.Extra("scope"),
	}
}

// detectedAtEachStart asks once per configuration, as a service does that is started again.
func detectedAtEachStart(ctx context.Context, asked question) answers {
	var last answers
	for start := range asked.Starts {
		last = token(ctx, config(asked, "post", oauth2.AuthStyleAutoDetect))
		if last["failed"] != nil {
			return failed(fmt.Errorf("start %d: %v", start+1, last["failed"]))
		}
	}
	return last
}

// detectedOnce asks twice with one configuration, which keeps what it found.
func detectedOnce(ctx context.Context, asked question) answers {
	one := config(asked, "post", oauth2.AuthStyleAutoDetect)
	if first := token(ctx, one); first["failed"] != nil {
		return first
	}
	return token(ctx, one)
}

// asserted has no secret: with the style InParams the client id goes into the body.
func asserted(asked question, id, assertion string) *clientcredentials.Config {
	asking := config(asked, id, oauth2.AuthStyleInParams)
	asking.EndpointParams = assertionParams(assertion)
	return asking
}

func assertionParams(assertion string) url.Values {
	return url.Values{"client_assertion": {assertion}, "client_assertion_type": {assertionType}}
}

func byOwnAssertion(ctx context.Context, asked question, alg, key string) answers {
	assertion, err := ownAssertion(asked, alg, key)
	if err != nil {
		return failed(err)
	}
	return token(ctx, asserted(asked, "key-"+alg, assertion))
}

// byOneAssertion asks twice with one configuration, as a token source does when its token ends.
func byOneAssertion(ctx context.Context, asked question) answers {
	assertion, err := ownAssertion(asked, "RS256", asked.Keys["RS256"])
	if err != nil {
		return failed(err)
	}
	one := asserted(asked, "key-RS256", assertion)
	if first := token(ctx, one); first["failed"] != nil {
		return failed(fmt.Errorf("the first: %v", first["failed"]))
	}
	return token(ctx, one)
}

func ownAssertion(asked question, alg, key string) (string, error) {
	method := jwt.GetSigningMethod(alg)
	if method == nil {
		return "", errors.New("golang-jwt does not know " + alg)
	}
	private, err := privateKey(key)
	if err != nil {
		return "", err
	}
	id := "key-" + alg
	now := time.Now()
	return jwt.NewWithClaims(method, jwt.RegisteredClaims{
		Issuer:    id,
		Subject:   id,
		Audience:  jwt.ClaimStrings{asked.Issuer},
		ID:        uuid.NewString(),
		IssuedAt:  jwt.NewNumericDate(now),
		ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
	}).SignedString(private)
}

func privateKey(text string) (any, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("no PEM")
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}

// certified is a context whose HTTP client has the certificate.
func certified(ctx context.Context, asked question) context.Context {
	pair, err := tls.LoadX509KeyPair(asked.Cert, asked.Key)
	if err != nil {
		panic(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}}}
	return context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: transport})
}

func byZitadel(asked question) answers {
	ctx := context.Background()
	told := answers{
		"basic": discovered(ctx, asked, "basic", nil),
		"post":  discovered(ctx, asked, "post", nil),
	}
	// Its signer takes RS256 for any RSA key, and ES256 for any key on a curve.
	for _, alg := range []string{"RS256", "ES256", "EdDSA"} {
		told["key-"+alg] = byZitadelsAssertion(ctx, asked, alg)
	}
	return told
}

func discovered(ctx context.Context, asked question, id string, params url.Values, options ...rp.Option) answers {
	service, err := rp.NewRelyingPartyOIDC(
		ctx, asked.Issuer, id, asked.Secrets[id], "", []string{asked.Scope}, options...,
	)
	if err != nil {
		return failed(err)
	}
	return answer(rp.ClientCredentials(ctx, service, params))
}

func byZitadelsAssertion(ctx context.Context, asked question, alg string) answers {
	id := "key-" + alg
	signer, err := zitadel.NewSignerFromPrivateKeyByte([]byte(asked.Keys[alg]), "")
	if err != nil {
		return failed(err)
	}
	assertion, err := zitadel.SignedJWTProfileAssertion(id, []string{asked.Issuer}, time.Minute, signer)
	if err != nil {
		return failed(err)
	}
	return discovered(ctx, asked, id, assertionParams(assertion), rp.WithAuthStyle(oauth2.AuthStyleInParams))
}
