import type { RedisTransaction } from '../../src/idempotency/stores/redis.ts';
import type { StoreUnderTest } from './bench.ts';
import { testHandler } from './handler-contract.ts';
import { testPhases } from './phases-contract.ts';
import { openStore } from './redis-support.ts';

const REDIS: StoreUnderTest<RedisTransaction> = {
  name: 'Redis',
  transactional: true,
  make: async (now) => {
    const opened = await openStore(undefined, { now });
    return { ...opened, other: (await openStore(opened, { now })).store };
  },
};

testHandler(REDIS);
testHandler(REDIS, { optimistic: true });
testPhases(REDIS);
