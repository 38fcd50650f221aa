// A process of callers: `node race-process.ts ORDERS`. Prints what they were told.
import { callAll } from './race.ts';

console.log(JSON.stringify(await callAll(JSON.parse(process.argv[2] ?? ''))));
