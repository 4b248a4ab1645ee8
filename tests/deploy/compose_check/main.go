// Loads a compose file as `docker compose` does and prints the project as JSON; what is wrong goes to standard error.
// With names of services it keeps those alone, as `docker compose up --no-deps NAME...` does.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func main() {
	text, err := project(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}

func project(file string, services []string) ([]byte, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithOsEnv)
	if err != nil {
		return nil, err
	}
	loaded, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	if len(services) > 0 {
		if loaded, err = loaded.WithSelectedServices(services, types.IgnoreDependencies); err != nil {
			return nil, err
		}
	}
	return loaded.MarshalJSON()
}
