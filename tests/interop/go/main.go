// Apache's Go client as the tests use it: each run does one thing and prints one JSON object.
//
//	driver send NAMESRV TOPIC COUNT [DELAY]    sends "m0", "m1", ... with tag "even" or "odd" and a key each
//	driver batch NAMESRV TOPIC COUNT           the same in one request
//	driver receive NAMESRV TOPIC GROUP TAGS COUNT REJECT
//	                                           consumes COUNT deliveries; wants each of the first REJECT again
//	driver online NAMESRV TOPIC GROUP          a producer of go_producer that has sent one message and a consumer that
//	                                           has got it: prints "online", and "again" for each more
//	                                           until stdin ends
//	driver session NAMESRV TOPIC GROUP         see session.go
//	driver features NAMESRV PREFIX ACCESS SECRET
//	                                           see features.go; the topics are PREFIX and a word
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

const limit = 45 * time.Second

var overTLS = os.Getenv("OVER_TLS") != ""

type sent struct {
	Status int    `json:"status"`
	MsgID  string `json:"msgId"`
	Queue  int    `json:"queueId"`
	Offset int64  `json:"queueOffset"`
}

type received struct {
	Body           string `json:"body"`
	Tags           string `json:"tags"`
	Keys           string `json:"keys"`
	Queue          int    `json:"queueId"`
	Offset         int64  `json:"queueOffset"`
	ReconsumeTimes int32  `json:"reconsumeTimes"`
	Topic          string `json:"topic"`
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	must(err)
	return n
}

func messages(topic string, count, delay int) []*primitive.Message {
	all := make([]*primitive.Message, count)
	for i := range all {
		tag := "even"
		if i%2 == 1 {
			tag = "odd"
		}
		all[i] = primitive.NewMessage(topic, []byte(fmt.Sprintf("m%d", i))).WithTag(tag).WithKeys([]string{fmt.Sprintf("key%d", i)})
		if delay > 0 {
			all[i].WithDelayTimeLevel(delay)
		}
	}
	return all
}

func send(namesrv, topic string, all []*primitive.Message, together bool) []sent {
	p, err := rocketmq.NewProducer(producer.WithNameServer([]string{namesrv}), producer.WithTls(overTLS), producer.WithRetry(0), producer.WithGroupName("go_producer"))
	must(err)
	must(p.Start())
	defer p.Shutdown()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var done []sent
	add := func(result *primitive.SendResult, err error) {
		must(err)
		done = append(done, sent{int(result.Status), result.MsgID, result.MessageQueue.QueueId, result.QueueOffset})
	}
	if together {
		add(p.SendSync(ctx, all...))
		return done
	}
	for _, message := range all {
		add(p.SendSync(ctx, message))
	}
	return done
}

func receive(namesrv, topic, group, tags string, count, reject int) []received {
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer([]string{namesrv}), consumer.WithTls(overTLS), consumer.WithGroupName(group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset), consumer.WithConsumerModel(consumer.Clustering))
	must(err)
	var lock sync.Mutex
	var got []received
	full := make(chan struct{})
	must(c.Subscribe(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: tags},
		func(ctx context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			lock.Lock()
			defer lock.Unlock()
			for _, m := range batch {
				got = append(got, received{string(m.Body), m.GetTags(), m.GetKeys(), m.Queue.QueueId, m.QueueOffset, m.ReconsumeTimes, m.Topic})
			}
			if len(got) == count {
				close(full)
			}
			if reject > 0 {
				reject--
				if concurrently, ok := primitive.GetConcurrentlyCtx(ctx); ok {
					concurrently.DelayLevelWhenNextConsume = 1
				}
				return consumer.ConsumeRetryLater, nil
			}
			return consumer.ConsumeSuccess, nil
		}))
	must(c.Start())
	select {
	case <-full:
	case <-time.After(limit):
	}
	must(c.Shutdown())
	lock.Lock()
	defer lock.Unlock()
	return got
}

func online(namesrv, topic, group string) {
	p, err := rocketmq.NewProducer(producer.WithNameServer([]string{namesrv}), producer.WithTls(overTLS), producer.WithGroupName("go_producer"))
	must(err)
	must(p.Start())
	defer p.Shutdown()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err = p.SendSync(ctx, primitive.NewMessage(topic, []byte("first")))
	must(err)
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer([]string{namesrv}), consumer.WithTls(overTLS), consumer.WithGroupName(group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset), consumer.WithConsumerModel(consumer.Clustering))
	must(err)
	got := make(chan struct{}, 1000)
	must(c.Subscribe(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"},
		func(ctx context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for range batch {
				got <- struct{}{}
			}
			return consumer.ConsumeSuccess, nil
		}))
	must(c.Start())
	defer c.Shutdown()
	select {
	case <-got:
	case <-time.After(limit):
		must(fmt.Errorf("the message did not come"))
	}
	fmt.Println("online")
	go func() {
		for range got {
			fmt.Println("again")
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func main() {
	rlog.SetLogLevel("error")
	a := os.Args[1:]
	var result any
	switch a[0] {
	case "send":
		delay := 0
		if len(a) > 4 {
			delay = number(a[4])
		}
		result = send(a[1], a[2], messages(a[2], number(a[3]), delay), false)
	case "batch":
		result = send(a[1], a[2], messages(a[2], number(a[3]), 0), true)
	case "online":
		online(a[1], a[2], a[3])
		return
	case "session":
		session(a[1], a[2], a[3])
		return
	case "features":
		result = runFeatures(a[1], a[2], a[3], a[4])
	case "receive":
		result = receive(a[1], a[2], a[3], a[4], number(a[5]), number(a[6]))
	default:
		must(fmt.Errorf("unknown operation %s", a[0]))
	}
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{"result": result}))
}
