// Services and resource servers built with the libraries of Go: `interop clients` and `interop verifiers`.
// Input: JSON on standard input, see test_go.py. Output: one JSON object, by library.
package main

import (
	"encoding/json"
	"log"
	"os"
)

// question is what both commands are asked; each reads the members that it needs.
type question struct {
	Issuer        string
	TokenEndpoint string `json:"token_endpoint"`
	Jwks          string
	Scope         string
	Audience      string
	Secrets       map[string]string
	// AwkwardIDs are secrets, too, by client ids that a sender has to encode.
	AwkwardIDs map[string]string `json:"awkward_ids"`
	// Keys are PKCS#8 PEM by algorithm; the client id is `key-` and the algorithm.
	Keys map[string]string
	// Cert and Key are the files of the client `certified`.
	Cert, Key string
	// Assertion is another issuer's token, of the client `workload`.
	Assertion string
	// Starts is how often a service of the client `post` starts.
	Starts int
	Tokens map[string]string
	// Signed are tokens of other issuers.
	Signed []signed
}

// signed is a token, what signs it, and where its key is.
type signed struct {
	Alg, Issuer, Jwks, Token string
}

type answers map[string]any

func main() {
	log.SetFlags(0)
	commands := map[string]func(question) answers{"clients": clients, "verifiers": verifiers}
	if len(os.Args) != 2 || commands[os.Args[1]] == nil {
		log.Fatal("usage: interop clients|verifiers < question.json")
	}
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(commands[os.Args[1]](asked)); err != nil {
		log.Fatal(err)
	}
}

func failed(err error) answers {
	return answers{"failed": err.Error()}
}
