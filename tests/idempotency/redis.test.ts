import type { RedisTransaction } from '../../src/idempotency/stores/redis.ts';
import { openStore } from './redis-support.ts';
import { testStore } from './store-contract.ts';

testStore<RedisTransaction>({
  name: 'Redis',
  transactional: true,
  make: async (now) => {
    const opened = await openStore(undefined, { now });
    const { store } = await openStore(opened, { now });
    return { ...opened, other: store };
  },
});
