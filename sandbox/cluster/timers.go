package main

import (
	"fmt"
	"os"
	"time"

	"k8s.io/kubernetes/pkg/controller/volume/attachdetach"
)

// How long the attach/detach controller waits for a node that is not Ready to unmount a volume, before it detaches
// it all the same. Kubernetes has no flag for these six minutes, which a test need not wait for.
const unmountWait = "SANDBOX_UNMOUNT_WAIT"

func setUnmountWait() {
	text := os.Getenv(unmountWait)
	if text == "" {
		return
	}
	wait, err := time.ParseDuration(text)
	if err != nil {
		exit(fmt.Errorf("%s: %w", unmountWait, err))
	}
	attachdetach.DefaultTimerConfig.ReconcilerMaxWaitForUnmountDuration = wait
}
