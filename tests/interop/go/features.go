package main

// What the client can do besides plain sends and tags, at once, and signed: prints what came of each.

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

type features struct {
	namesrv     []string
	prefix      string
	credentials primitive.Credentials
	lock        sync.Mutex
	result      map[string][]string
	closing     []func() error
}

// byBody decides what becomes of a transaction by the body of its message.
type byBody struct{}

func (byBody) ExecuteLocalTransaction(m *primitive.Message) primitive.LocalTransactionState {
	switch string(m.Body) {
	case "commit":
		return primitive.CommitMessageState
	case "rollback":
		return primitive.RollbackMessageState
	}
	return primitive.UnkonwnState
}

func (byBody) CheckLocalTransaction(*primitive.MessageExt) primitive.LocalTransactionState {
	return primitive.CommitMessageState
}

func (f *features) options(group string) []producer.Option {
	return []producer.Option{producer.WithNameServer(f.namesrv), producer.WithTls(overTLS), producer.WithGroupName(f.prefix + group), producer.WithRetry(0),
		producer.WithCredentials(f.credentials), producer.WithQueueSelector(producer.NewHashQueueSelector()),
		// Of one instance it answers check-backs for its first group alone.
		producer.WithInstanceName(f.prefix + group)}
}

func (f *features) producer(group string) rocketmq.Producer {
	p, err := rocketmq.NewProducer(f.options(group)...)
	must(err)
	must(p.Start())
	f.closing = append(f.closing, p.Shutdown)
	return p
}

func sendAll(p rocketmq.Producer, all ...*primitive.Message) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for _, m := range all {
		_, err := p.SendSync(ctx, m)
		must(err)
	}
}

// collect gives what a group gets from a topic: `count` messages, as `show` has them.
func (f *features) collect(kind string, selector consumer.MessageSelector, ordered bool, count int, show func(*primitive.MessageExt) string) func() {
	c, err := rocketmq.NewPushConsumer(consumer.WithNameServer(f.namesrv), consumer.WithTls(overTLS), consumer.WithGroupName(f.prefix+kind+"_group"),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset), consumer.WithConsumerOrder(ordered), consumer.WithCredentials(f.credentials))
	must(err)
	full := make(chan struct{})
	must(c.Subscribe(f.prefix+kind, selector, func(ctx context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		f.lock.Lock()
		defer f.lock.Unlock()
		for _, m := range batch {
			f.result[kind] = append(f.result[kind], show(m))
			if len(f.result[kind]) == count {
				close(full)
			}
		}
		return consumer.ConsumeSuccess, nil
	}))
	must(c.Start())
	f.closing = append(f.closing, c.Shutdown)
	return func() {
		select {
		case <-full:
		case <-time.After(limit):
		}
	}
}

func runFeatures(namesrv, prefix, access, secret string) map[string][]string {
	f := &features{namesrv: []string{namesrv}, prefix: prefix, result: map[string][]string{},
		credentials: primitive.Credentials{AccessKey: access, SecretKey: secret}}
	body := func(m *primitive.MessageExt) string { return string(m.Body) }
	every := consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}
	p := f.producer("producer")

	for i := 0; i < 10; i++ {
		m := primitive.NewMessage(prefix+"Sql", []byte(fmt.Sprintf("m%d", i)))
		m.WithProperty("amount", fmt.Sprint(i))
		m.WithProperty("region", []string{"eu", "us"}[i%2])
		sendAll(p, m)
		sendAll(p, primitive.NewMessage(prefix+"Ordered", []byte(fmt.Sprintf("%d", i))).WithShardingKey("k"))
	}
	now := time.Now()
	sendAll(p, primitive.NewMessage(prefix+"Later", []byte("level")).WithDelayTimeLevel(1))
	sendAll(p, primitive.NewMessage(prefix+"Later", []byte("timer")).WithDelayTimestamp(now.Add(1500*time.Millisecond)))
	t, err := rocketmq.NewTransactionProducer(byBody{}, f.options("transactions")...)
	must(err)
	must(t.Start())
	f.closing = append(f.closing, t.Shutdown)
	for _, text := range []string{"commit", "rollback", "unknown"} {
		_, err := t.SendMessageInTransaction(context.Background(), primitive.NewMessage(prefix+"Transactions", []byte(text)))
		must(err)
	}

	replies := f.producer("replies")
	waits := []func(){
		f.collect("Sql", consumer.MessageSelector{Type: consumer.SQL92, Expression: "region = 'eu' AND amount >= 4"}, false, 3, body),
		f.collect("Ordered", every, true, 10, body),
		f.collect("Transactions", every, false, 2, body),
		f.collect("Later", every, false, 2, func(m *primitive.MessageExt) string {
			return fmt.Sprintf("%s %t", m.Body, time.Since(now) >= time.Second)
		}),
		f.collect("Requests", every, false, 1, func(m *primitive.MessageExt) string {
			reply, err := consumer.CreateReplyMessage(m, nil)
			must(err)
			reply.Body = []byte(strings.ToUpper(string(m.Body))) // the client takes what it is given for properties
			// A broker cannot hand it over before the client that asked has sent its first heartbeat.
			for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
				if _, err = replies.SendSync(context.Background(), reply); err == nil || time.Since(begun) > limit {
					break
				}
			}
			must(err)
			return string(m.Body)
		}),
	}
	answer, err := p.Request(context.Background(), limit, primitive.NewMessage(prefix+"Requests", []byte("question")))
	must(err)
	for _, wait := range waits {
		wait()
	}
	f.lock.Lock()
	defer f.lock.Unlock()
	for kind, got := range f.result {
		if kind != "Ordered" {
			sort.Strings(got)
		}
	}
	f.result["Requests"] = append(f.result["Requests"], string(answer.Body))
	return f.result
}
