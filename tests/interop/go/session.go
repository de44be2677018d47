package main

// A producer and a consumer that stay, and do what their stdin says, a line each:
//
//	send WHERE TEXT [SIZE]   a message with a body of TEXT, a blank and what is missing of SIZE bytes; WHERE is a
//	                         broker, or "any": then it is the client that chooses, and that tries again
//	go on                    the listener, which waits in a message "hold", takes further ones
//
// Prints "sent TEXT STATUS", "refused TEXT WHY" or "got TEXT" as it comes to that, and "ready" first.

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// given is the queue of the message, if it has one.
type given struct{ other producer.QueueSelector }

func (g given) Select(m *primitive.Message, queues []*primitive.MessageQueue, last string) *primitive.MessageQueue {
	if m.Queue != nil {
		return m.Queue
	}
	return g.other.Select(m, queues, last)
}

var printing sync.Mutex

func say(words ...any) {
	printing.Lock()
	defer printing.Unlock()
	fmt.Println(words...)
}

func session(namesrv, topic, group string) {
	p, err := rocketmq.NewProducer(producer.WithNameServer([]string{namesrv}), producer.WithGroupName(group+"_producer"),
		producer.WithQueueSelector(given{producer.NewRoundRobinQueueSelector()}), producer.WithSendMsgTimeout(limit),
		producer.WithCompressMsgBodyOverHowmuch(1<<30))
	must(err)
	must(p.Start())
	// It pulls next to nothing ahead of its listener.
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer([]string{namesrv}), consumer.WithGroupName(group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset), consumer.WithConsumerModel(consumer.Clustering),
		consumer.WithPullThresholdForTopic(1), consumer.WithPullBatchSize(1), consumer.WithConsumeGoroutineNums(1))
	must(err)
	goOn := make(chan struct{})
	must(c.Subscribe(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"},
		func(ctx context.Context, batch ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for _, m := range batch {
				text, _, _ := strings.Cut(string(m.Body), " ")
				say("got", text)
				if text == "hold" {
					<-goOn
				}
			}
			return consumer.ConsumeSuccess, nil
		}))
	must(c.Start())
	say("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if words[0] == "go" {
			goOn <- struct{}{}
			continue
		}
		body := words[2] + " "
		if len(words) > 3 {
			body += strings.Repeat("x", number(words[3])-len(body))
		}
		m := primitive.NewMessage(topic, []byte(body))
		if words[1] != "any" {
			m.Queue = &primitive.MessageQueue{Topic: topic, BrokerName: words[1]}
		}
		go func() {
			sent, err := p.SendSync(context.Background(), m)
			if err != nil {
				say("refused", words[2], strings.ReplaceAll(err.Error(), "\n", " "))
				return
			}
			say("sent", words[2], []string{"SEND_OK", "FLUSH_DISK_TIMEOUT", "FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE"}[sent.Status],
				sent.MessageQueue.BrokerName)
		}()
	}
}
