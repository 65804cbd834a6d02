// One program for the sandbox's Kubernetes control plane: the real etcd, kube-apiserver, kube-controller-manager and
// kube-scheduler, chosen by the first argument, and a supervisor that ends them with the process that asked for them.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	component := os.Args[1]
	// Each component reads its own flags from os.Args, as when it was the program.
	os.Args = append([]string{component}, os.Args[2:]...)
	switch component {
	case "etcd":
		exit(runEtcd(os.Args[1:]))
	case "kube-apiserver":
		runCommand(apiserver.NewAPIServerCommand())
	case "kube-controller-manager":
		setUnmountWait()
		runCommand(controllermanager.NewControllerManagerCommand())
	case "kube-scheduler":
		runCommand(scheduler.NewSchedulerCommand())
	case "supervise":
		exit(supervise(os.Stdin, os.Stdout))
	default:
		usage()
	}
}

func runCommand(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: cluster etcd|kube-apiserver|kube-controller-manager|kube-scheduler [flags], or cluster supervise")
	os.Exit(2)
}
