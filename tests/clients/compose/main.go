// Reads compose.yaml as Docker Compose does, with Compose's own library: the specification's schema, interpolation from
// the environment, merging, and the checks of a whole. Prints the result as JSON, or says what is wrong.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	options, err := cli.NewProjectOptions(os.Args[1:], cli.WithOsEnv, cli.WithInterpolation(true), cli.WithConsistency(true))
	if err == nil {
		err = read(options)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(options *cli.ProjectOptions) error {
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	json, err := project.MarshalJSON()
	if err == nil {
		fmt.Println(string(json))
	}
	return err
}
