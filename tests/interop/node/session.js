// A producer and a consumer that stay, as those of go/session.go, which do the same with the same lines; the client alone
// chooses where it sends.
//
//	node session.js NAMESRV TOPIC GROUP
'use strict';

const { Consumer, Message, Producer } = require('ali-ons');
const readline = require('readline');

const [nameSrv, topic, group] = process.argv.slice(2);
const logger = { info() {}, debug() {}, warn() {}, error: console.error };
const common = { nameSrv, logger, httpclient: {}, pollNameServerInteval: 1000 };
let goOn = () => {};

async function main() {
  const producer = new Producer({ ...common, producerGroup: `${group}_producer`, compressMsgBodyOverHowmuch: 1 << 30 });
  producer.on('error', e => console.error('producer', e.message));
  await producer.ready();
  // It pulls next to nothing ahead of its listener.
  const consumer = new Consumer({
    ...common, consumerGroup: group, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET', pullThresholdForQueue: 1, pullBatchSize: 1,
  });
  consumer.on('error', e => console.error('consumer', e.message));
  consumer.subscribe(topic, '*', async message => {
    const text = message.body.toString().split(' ')[0];
    console.log('got', text);
    if (text === 'hold') await new Promise(resolve => { goOn = resolve; });
  });
  await consumer.ready();
  console.log('ready');
  readline.createInterface({ input: process.stdin }).on('line', line => {
    const [word, , text, size] = line.split(' ');
    if (word === 'go') return goOn();
    producer.send(new Message(topic, 'x', `${text} `.padEnd(Number(size || 0), 'x'))).then(
      sent => console.log('sent', text, sent.sendStatus, sent.messageQueue.brokerName),
      e => console.log('refused', text, e.message.replace(/\n/g, ' ')));
  }).on('close', () => process.exit(0));
}

main().catch(e => {
  console.error(e.stack);
  process.exit(1);
});
