// Checks our checkpoints and proofs with the libraries of Go's checksum database, which know nothing of us.
//
//	transparency inclusion VKEY EVENT-FILE PROOF-FILE
//	transparency consistency VKEY OLD-CHECKPOINT PROOF-FILE
package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if len(os.Args) != 5 {
		fail(fmt.Errorf("what, VKEY, and two files"))
	}
	check := map[string]func(vkey string, first, second []byte) error{
		"inclusion":   inclusion,
		"consistency": consistency,
	}[os.Args[1]]
	fail(check(os.Args[2], read(os.Args[3]), read(os.Args[4])))
	fmt.Println("ok")
}

func inclusion(vkey string, event, proof []byte) error {
	head, signed := split(proof)
	tree, err := open(vkey, signed)
	if err != nil {
		return err
	}
	if head[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("%q is no proof", head[0])
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(head[1], "index "), 10, 64)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(hashes(head[2:]), tree.N, tree.Hash, index, tlog.RecordHash(event))
}

func consistency(vkey string, old, proof []byte) error {
	head, signed := split(proof)
	tree, err := open(vkey, signed)
	if err != nil {
		return err
	}
	before, err := open(vkey, old)
	if err != nil {
		return err
	}
	if head[0] != fmt.Sprintf("old %d", before.N) {
		return fmt.Errorf("%q is not about a log of %d", head[0], before.N)
	}
	return tlog.CheckTree(hashes(head[1:]), tree.N, tree.Hash, before.N, before.Hash)
}

// open checks the signature of a checkpoint, and reads what was signed.
func open(vkey string, signed []byte) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is of %q", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func split(proof []byte) (head []string, signed []byte) {
	before, after, found := strings.Cut(string(proof), "\n\n")
	if !found {
		fail(fmt.Errorf("this is no proof"))
	}
	return strings.Split(before, "\n"), []byte(after)
}

func hashes(lines []string) (all []tlog.Hash) {
	for _, line := range lines {
		var hash tlog.Hash
		bytes, err := base64.StdEncoding.DecodeString(line)
		fail(err)
		copy(hash[:], bytes)
		all = append(all, hash)
	}
	return all
}

func read(path string) []byte {
	bytes, err := os.ReadFile(path)
	fail(err)
	return bytes
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
