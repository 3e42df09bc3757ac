// A candidate for a Lease that is client-go's own: the peer of hexlag in tests/e2e/test_lease.py.
//
//	elector KUBECONFIG NAMESPACE NAME IDENTITY
//
// It has the default times, releases the Lease at SIGTERM, and prints lines as tests/tools/elect
// does: "leading TIME", then every 100 ms "acting TIME", and "following TIME" when it leads no
// longer, after which it ends, as programs that are led by client-go do. TIME is Unix time in
// milliseconds.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

func say(what string) {
	fmt.Println(what, time.Now().UnixMilli())
}

func act(ctx context.Context) {
	say("leading")
	for ctx.Err() == nil {
		say("acting")
		time.Sleep(100 * time.Millisecond)
	}
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: elector KUBECONFIG NAMESPACE NAME IDENTITY")
		os.Exit(2)
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// What is guarded has to have ended before the Lease is released.
	working, finish := context.WithCancel(context.Background())
	ended := make(chan bool)
	ctx, stop := context.WithCancel(context.Background())
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	go func() {
		<-terminate
		finish()
		select {
		case <-ended:
		case <-time.After(time.Second): // it does not lead
		}
		stop()
	}()
	leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: os.Args[2], Name: os.Args[3]},
			Client:     kubernetes.NewForConfigOrDie(config).CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: os.Args[4]},
		},
		LeaseDuration:   15 * time.Second,
		RenewDeadline:   10 * time.Second,
		RetryPeriod:     2 * time.Second,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) {
				both, cancel := context.WithCancel(leading)
				context.AfterFunc(working, cancel)
				act(both)
				close(ended)
			},
			OnStoppedLeading: func() { say("following") },
			OnNewLeader:      func(identity string) { fmt.Println("leader", identity) },
		},
	})
}
