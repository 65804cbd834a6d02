// One etcd member for one API server: clients come over mutual TLS, nothing is synced to disk (a sandbox has nothing to
// lose), and it listens for peers only because etcd has no way not to.
package main

import (
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.etcd.io/etcd/server/v3/embed"
)

func runEtcd(arguments []string) error {
	flags := flag.NewFlagSet("etcd", flag.ExitOnError)
	dataDirectory := flags.String("data-dir", "", "where etcd keeps its data")
	client := flags.String("listen-client-url", "", "https URL for the API server")
	peer := flags.String("listen-peer-url", "", "https URL for peers, of which there are none")
	certificate := flags.String("cert-file", "", "certificate of this server")
	key := flags.String("key-file", "", "its private key")
	authority := flags.String("trusted-ca-file", "", "certificate authority that signs the clients' certificates")
	if err := flags.Parse(arguments); err != nil {
		return err
	}

	clientURL, err := url.Parse(*client)
	if err != nil {
		return fmt.Errorf("--listen-client-url: %w", err)
	}
	peerURL, err := url.Parse(*peer)
	if err != nil {
		return fmt.Errorf("--listen-peer-url: %w", err)
	}
	tls := transport.TLSInfo{CertFile: *certificate, KeyFile: *key, TrustedCAFile: *authority, ClientCertAuth: true}

	config := embed.NewConfig()
	config.Dir = *dataDirectory
	config.ListenClientUrls = []url.URL{*clientURL}
	config.AdvertiseClientUrls = config.ListenClientUrls
	config.ListenPeerUrls = []url.URL{*peerURL}
	config.AdvertisePeerUrls = config.ListenPeerUrls
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	config.ClientTLSInfo = tls
	config.PeerTLSInfo = tls
	config.UnsafeNoFsync = true
	config.LogLevel = "warn"

	server, err := embed.StartEtcd(config)
	if err != nil {
		return err
	}
	defer server.Close()

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	select {
	case <-stop:
		return nil
	case err := <-server.Err():
		return err
	}
}
