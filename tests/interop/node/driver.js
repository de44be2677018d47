// The Node client `ali-ons` as the tests use it: prints one JSON object with what came of each thing that it can do.
//
//	node driver.js NAMESRV PREFIX ACCESS SECRET     the topics are PREFIX and a word
'use strict';

const { Consumer, Message, Producer } = require('ali-ons');

const [nameSrv, prefix, accessKey, secretKey] = process.argv.slice(2);
const LIMIT = 45000;
const logger = { info() {}, debug() {}, warn() {}, error: console.error };
const common = { nameSrv, accessKey, secretKey, logger, httpclient: {} };
const result = {};

function collect(kind, expression, count, show = m => m.body.toString()) {
  const consumer = new Consumer({ ...common, consumerGroup: `${prefix}${kind}_group`, consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET' });
  consumer.on('error', e => console.error(kind, e.message));
  result[kind] = [];
  return new Promise(resolve => {
    setTimeout(resolve, LIMIT).unref();
    consumer.subscribe(`${prefix}${kind}`, expression, async message => {
      result[kind].push(show(message));
      if (result[kind].length === count) resolve();
    });
  });
}

async function main() {
  const producer = new Producer({ ...common, producerGroup: `${prefix}producer` });
  producer.on('error', e => console.error('producer', e.message));
  await producer.ready();
  const send = async (kind, tag, body, properties = {}) => {
    const message = new Message(`${prefix}${kind}`, tag, body);
    message.keys = [`key-${body}`];
    Object.assign(message.properties, properties);
    const sent = await producer.send(message);
    if (sent.sendStatus !== 'SEND_OK') throw new Error(`${kind}: ${sent.sendStatus}`);
  };
  for (let i = 0; i < 10; i++) {
    await send('Tags', 'abc'[i % 3], `m${i}`);
    await send('Sql', 'x', `m${i}`, { amount: i, region: [ 'eu', 'us' ][i % 2] });
  }
  const begun = Date.now();
  await send('Later', 'x', 'level', { DELAY: 1 });
  await send('Later', 'x', 'timer', { TIMER_DELIVER_MS: begun + 1500 });
  await Promise.all([
    collect('Tags', 'a || b', 7, m => `${m.body} ${m.tags} ${m.keys}`),
    collect('Sql', { expressionType: 'SQL92', subString: "region = 'eu' AND amount >= 4" }, 3),
    collect('Later', '*', 2, m => `${m.body} ${Date.now() - begun >= 1000}`),
  ]);
  for (const got of Object.values(result)) got.sort();
  console.log(JSON.stringify({ result }));
  process.exit(0);
}

main().catch(e => {
  console.error(e.stack);
  process.exit(1);
});
