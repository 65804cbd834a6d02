// Runs the commands that it reads as JSON lines, until its standard input closes; then it kills them.
// A process that dies, however it dies, closes its pipes: so nothing outlives the program that started a cluster.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
)

// One line of input: what to run, and the file for what it prints.
type order struct {
	Name    string   `json:"name"`
	Command []string `json:"command"`
	Log     string   `json:"log"`
}

// One line of output: a process has ended by itself, or could not be started.
type ending struct {
	Name  string `json:"name"`
	Error string `json:"error"`
}

type child struct {
	process *os.Process
	done    chan struct{}
}

type supervisor struct {
	output   *json.Encoder
	lock     sync.Mutex
	stopping bool
}

func supervise(input io.Reader, output io.Writer) error {
	// Ctrl-C in a terminal reaches the whole process group: what to do about it is for the process at the other end of stdin.
	signal.Ignore(syscall.SIGINT, syscall.SIGHUP, syscall.SIGPIPE)
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)

	orders := readOrders(input)
	s := &supervisor{output: json.NewEncoder(output)}
	var children []*child
	for {
		select {
		case next, open := <-orders:
			if !open {
				s.stop(children)
				return nil
			}
			if started := s.start(next); started != nil {
				children = append(children, started)
			}
		case <-terminated:
			s.stop(children)
			return nil
		}
	}
}

func readOrders(input io.Reader) <-chan order {
	orders := make(chan order)
	go func() {
		defer close(orders)
		lines := bufio.NewScanner(input)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var next order
			if err := json.Unmarshal(lines.Bytes(), &next); err != nil {
				fmt.Fprintln(os.Stderr, "supervise:", err)
				continue
			}
			orders <- next
		}
	}()
	return orders
}

func (s *supervisor) start(next order) *child {
	log, err := os.OpenFile(next.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.report(next.Name, err)
		return nil
	}
	defer log.Close()
	command := exec.Command(next.Command[0], next.Command[1:]...)
	command.Stdout, command.Stderr = log, log
	// Its own group, so that a terminal's Ctrl-C does not end etcd under a still working API server.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := command.Start(); err != nil {
		s.report(next.Name, err)
		return nil
	}
	done := make(chan struct{})
	go func() {
		err := command.Wait()
		close(done)
		s.report(next.Name, err)
	}()
	return &child{process: command.Process, done: done}
}

func (s *supervisor) report(name string, err error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.stopping {
		return
	}
	text := "ended"
	if err != nil {
		text = err.Error()
	}
	_ = s.output.Encode(ending{Name: name, Error: text})
}

// stop kills every process, the newest first, and waits. There is nothing to save: the folder with all data goes too, and an
// API server that is asked politely waits for its watchers first.
func (s *supervisor) stop(children []*child) {
	s.lock.Lock()
	s.stopping = true
	s.lock.Unlock()
	for i := len(children) - 1; i >= 0; i-- {
		_ = children[i].process.Kill()
	}
	for _, c := range children {
		<-c.done
	}
}
