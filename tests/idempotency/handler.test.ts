import { MEMORY, SQLITE } from './handler-bench.ts';
import { testHandler } from './handler-contract.ts';

testHandler(MEMORY);
testHandler(MEMORY, { optimistic: true });
testHandler(SQLITE);
testHandler(SQLITE, { optimistic: true });
