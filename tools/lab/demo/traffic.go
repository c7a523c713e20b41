package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/ipv4"
)

// runTraffic sends or receives until it is killed: what goes on after --keep. It is in its node's namespace already.
func runTraffic(what string) error {
	ifi, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	dst := &net.UDPAddr{IP: net.ParseIP(group), Port: port}
	switch what {
	case "send":
		return send(ifi, dst)
	case "receive":
		return receive(ifi, dst)
	}
	return fmt.Errorf("%q is neither send nor receive", what)
}

func send(ifi *net.Interface, dst *net.UDPAddr) error {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(source)})
	if err != nil {
		return err
	}
	p := ipv4.NewPacketConn(c)
	if err := p.SetMulticastInterface(ifi); err != nil {
		return err
	}
	if err := p.SetMulticastTTL(16); err != nil {
		return err
	}
	for range time.Tick(interval) {
		if _, err := c.WriteToUDP([]byte("msdpd demo"), dst); err != nil {
			return err
		}
	}
	return nil
}

func receive(ifi *net.Interface, dst *net.UDPAddr) error {
	c, err := new(net.ListenConfig).ListenPacket(context.Background(), "udp4", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	if err := ipv4.NewPacketConn(c).JoinGroup(ifi, dst); err != nil {
		return err
	}
	buf := make([]byte, 2048)
	said := time.Now()
	for count := 1; ; count++ {
		_, from, err := c.ReadFrom(buf)
		if err != nil {
			return err
		}
		if time.Since(said) >= time.Second {
			said = time.Now()
			fmt.Printf("%s %d packets, the last from %s\n", said.Format(time.TimeOnly), count, from)
		}
	}
}
