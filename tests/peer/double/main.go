// Command age-plugin-double is a plugin of age for the tests of sops-rs: a double of one that
// belongs to hardware. It speaks the protocol by the library of age itself, and wraps by X25519
// under another name, so that nobody opens it without this program.
//
//	age-plugin-double -keygen            a recipient and an identity, one per line
//	age-plugin-double -keygen -pin 1234  the same, and opening asks for this PIN
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

const name = "double"

func main() {
	p, err := plugin.New(name)
	if err != nil {
		fail(err)
	}
	p.RegisterFlags(nil)
	keygen := flag.Bool("keygen", false, "make a recipient and an identity")
	pin := flag.String("pin", "", "what opening asks for")
	flag.Parse()
	if *keygen {
		identity, err := age.GenerateX25519Identity()
		if err != nil {
			fail(err)
		}
		fmt.Println(plugin.EncodeRecipient(name, []byte(identity.Recipient().String())))
		fmt.Println(plugin.EncodeIdentity(name, []byte(*pin+" "+identity.String())))
		return
	}
	p.HandleRecipient(func(data []byte) (age.Recipient, error) {
		inner, err := age.ParseX25519Recipient(string(data))
		return &recipient{inner}, err
	})
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		pin, text, found := strings.Cut(string(data), " ")
		if !found {
			return nil, errors.New("not an identity of this plugin")
		}
		inner, err := age.ParseX25519Identity(text)
		return &identity{p, pin, inner}, err
	})
	os.Exit(p.Main())
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

type recipient struct{ inner age.Recipient }

func (r *recipient) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	stanzas, err := r.inner.Wrap(fileKey)
	for _, stanza := range stanzas {
		stanza.Type = name
	}
	return stanzas, err
}

type identity struct {
	plugin *plugin.Plugin
	pin    string
	inner  age.Identity
}

func (i *identity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	var mine []*age.Stanza
	for _, stanza := range stanzas {
		if stanza.Type == name {
			mine = append(mine, &age.Stanza{Type: "X25519", Args: stanza.Args, Body: stanza.Body})
		}
	}
	if len(mine) == 0 {
		return nil, age.ErrIncorrectIdentity
	}
	if i.pin != "" {
		if err := i.plugin.DisplayMessage("the double is touched"); err != nil {
			return nil, err
		}
		given, err := i.plugin.RequestValue("PIN of the double", true)
		if err != nil {
			return nil, err
		}
		if given != i.pin {
			return nil, errors.New("that is not the PIN")
		}
	}
	return i.inner.Unwrap(mine)
}
