// What an analyst does with @clickhouse/client: ping, rows, bound parameters, a stream, an error.
// Arguments: address, password. Prints one JSON object.
const { createClient, ClickHouseError } = require('@clickhouse/client')

async function code(client, query) {
  try {
    await (await client.query({ query, format: 'JSONEachRow' })).json()
  } catch (error) {
    return error instanceof ClickHouseError ? Number(error.code) : String(error)
  }
}

async function main(url, password) {
  const client = createClient({
    url, username: 'analyst', password, database: 'default', application: 'safar',
    compression: { response: true }, session_id: 'mine', clickhouse_settings: { wait_end_of_query: 1 },
  })
  const parameters = await client.query({
    query: 'SELECT {text:String} AS text, {list:Array(String)} AS list, {number:UInt8} + 1 AS number, {none:Nullable(String)} AS none',
    query_params: { text: "it's a\ttab, a \\ and سفر", list: ["a'b", 'c\\d'], number: 7, none: null },
    format: 'JSONEachRow',
  })
  const events = await client.query({
    query: 'SELECT event, count() AS n FROM touchpoints GROUP BY event ORDER BY event', format: 'JSON',
  })
  const stream = await client.query({ query: 'SELECT number FROM numbers(300000)', format: 'JSONEachRow' })
  let rows = 0
  let sum = 0
  for await (const block of stream.stream()) {
    for (const row of block) {
      rows += 1
      sum += Number(row.json().number)
    }
  }
  const csv = await client.exec({ query: 'SELECT 1, 2 FORMAT CSV' })
  let text = ''
  for await (const piece of csv.stream) text += piece
  console.log(JSON.stringify({
    ping: (await client.ping()).success, pingWithSelect: (await client.ping({ select: true })).success,
    parameters: await parameters.json(), events: (await events.json()).data, rows, sum, text,
    errors: [await code(client, 'SELECT nosuch'), await code(client, 'DROP TABLE events'),
      await code(client, 'SELECT throwIf(number = 400000) FROM numbers(500000)')],
  }))
  await client.close()
}

main(...process.argv.slice(2)).catch((error) => { console.error(error); process.exit(1) })
