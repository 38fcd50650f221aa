// The scripts that set a clone up: they must run before anything is installed, and never leave a clone half set up.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { missingOptionals } from '../scripts/complete-lock.mjs';
import { majorOf, requireOldestNode } from '../scripts/lib/console.mjs';
import { hashOf, isStamped, writeStamp } from '../scripts/lib/inputs.mjs';
import { withLock } from '../scripts/lib/lock.mjs';
import { packagesProblem } from '../scripts/lib/packages.mjs';
import { findPostgres } from '../scripts/lib/postgres.mjs';
import { runQuietly } from '../scripts/lib/process.mjs';
import { findRedis } from '../scripts/lib/redis.mjs';
import { ensureServerPrograms, startSharedServers } from '../scripts/lib/servers.mjs';
import { complaintsAbout } from '../scripts/lib/verdict.mjs';
import { ROOT } from '../scripts/setup.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'docent-tooling-'));
after(() => rmSync(scratch, { recursive: true, force: true }));

function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(join(scratch, 'case-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

describe('the scripts', () => {
  const needsPackages = new Set(['generate-types.mjs']);
  const files = readdirSync(join(ROOT, 'scripts'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.mjs'))
    .filter((file) => !needsPackages.has(file));

  test('import nothing but Node itself and each other', () => {
    assert.ok(files.length > 10);
    for (const file of files) {
      const text = readFileSync(join(ROOT, 'scripts', file), 'utf8');
      const imported = [...text.matchAll(/^(?:import|export)\b[^'"]*?from '([^']+)'/gms)].map(
        (match) => match[1] ?? '',
      );
      const foreign = imported.filter((name) => !name.startsWith('.') && !isBuiltin(name));
      assert.deepEqual(foreign, [], file);
    }
  });

  test('say which Node is too old', () => {
    assert.equal(majorOf('v26.10.0\n'), 26);
    assert.equal(majorOf('nonsense'), 0);
    assert.throws(() => requireOldestNode('18.20.4'), /Node 18\.20\.4 is too old.*Node 20/);
    requireOldestNode('20.0.0');
  });
});

describe('package-lock.json', () => {
  const text = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
  const lock = JSON.parse(text);
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

  test('names no registry', () => {
    assert.doesNotMatch(text, /"resolved"/);
  });

  test('agrees with package.json', () => {
    assert.deepEqual(lock.packages[''].dependencies, manifest.dependencies, 'run `npm install`');
    assert.deepEqual(lock.packages[''].devDependencies, manifest.devDependencies, 'run `npm install`');
  });

  test('has the optional packages of every platform, without which `npm ci` refuses it', () => {
    assert.deepEqual(Object.keys(missingOptionals(lock)), [], 'run `npm run lock`');
  });

  test('gets what npm left out for other platforms, and nothing else', () => {
    const parent = {
      dev: true,
      optionalDependencies: { '@x/tool-linux-arm64-musl': '1.2.3', fsevents: '~2.3.2', '@x/there-darwin-x64': '1.0.0' },
    };
    const packages = { '': {}, 'node_modules/tool': parent, 'node_modules/tool/node_modules/@x/there-darwin-x64': {} };
    assert.deepEqual(missingOptionals({ packages }), {
      'node_modules/@x/tool-linux-arm64-musl': {
        version: '1.2.3',
        os: ['linux'],
        cpu: ['arm64'],
        libc: ['musl'],
        dev: true,
        optional: true,
      },
    });
  });
});

describe('packagesProblem', () => {
  const lockOf = (packages: object) => JSON.stringify({ packages });
  const wanted = {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/b': { version: '1.0.0', optional: true },
  };
  const present = { 'node_modules/a/package.json': '{}' };
  const cases: [string, Record<string, string>, RegExp | undefined][] = [
    ['nothing installed', {}, /none yet/],
    [
      'all installed',
      { ...present, 'node_modules/.package-lock.json': lockOf({ 'node_modules/a': { version: '1.0.0' } }) },
      undefined,
    ],
    [
      'a folder deleted',
      { 'node_modules/.package-lock.json': lockOf({ 'node_modules/a': { version: '1.0.0' } }) },
      /a is missing/,
    ],
    [
      'another version',
      { ...present, 'node_modules/.package-lock.json': lockOf({ 'node_modules/a': { version: '0.9.0' } }) },
      /a has changed/,
    ],
    ['not in the record', { ...present, 'node_modules/.package-lock.json': lockOf({}) }, /a is new/],
    [
      'one too many',
      {
        ...present,
        'node_modules/.package-lock.json': lockOf({ 'node_modules/a': { version: '1.0.0' }, 'node_modules/c': {} }),
      },
      /no longer wanted/,
    ],
  ];
  for (const [name, files, expected] of cases) {
    test(name, () => {
      const problem = packagesProblem(folderWith({ 'package-lock.json': lockOf(wanted), ...files }));
      if (expected) assert.match(problem ?? '', expected);
      else assert.equal(problem, undefined);
    });
  }

  test('without a lock file says so', () => {
    assert.throws(() => packagesProblem(folderWith({})), /package-lock\.json is missing/);
  });
});

describe('build stamps', () => {
  test('a hash changes with contents, names and files, not with scratch files or what is left out', () => {
    const root = folderWith({ 'src/a.ts': '1', 'src/cli/b.ts': '2' });
    const before = hashOf(root, ['src', 'absent'], ['src/cli']);
    writeFileSync(join(root, 'src/.a.ts.swp'), 'x');
    writeFileSync(join(root, 'src/cli/b.ts'), '3');
    assert.equal(hashOf(root, ['src', 'absent'], ['src/cli']), before);
    writeFileSync(join(root, 'src/c.ts'), '');
    const withMore = hashOf(root, ['src', 'absent'], ['src/cli']);
    assert.notEqual(withMore, before);
    writeFileSync(join(root, 'src/a.ts'), '2');
    assert.notEqual(hashOf(root, ['src', 'absent'], ['src/cli']), withMore);
  });

  test('a stamp holds only while the outputs are there', () => {
    const root = folderWith({ 'dist/a.js': '' });
    assert.equal(isStamped(root, 'dist/.stamp.json', 'key'), false);
    writeStamp(root, 'dist/.stamp.json', 'key', ['dist/a.js']);
    assert.equal(isStamped(root, 'dist/.stamp.json', 'key'), true);
    assert.equal(isStamped(root, 'dist/.stamp.json', 'other'), false);
    rmSync(join(root, 'dist/a.js'));
    assert.equal(isStamped(root, 'dist/.stamp.json', 'key'), false);
  });
});

describe('withLock', () => {
  test('lets one in at a time and leaves nothing behind', async () => {
    const file = join(folderWith({}), 'lock');
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await sleep(20);
      inside--;
    };
    await Promise.all([withLock(file, work), withLock(file, work), withLock(file, work)]);
    assert.equal(most, 1);
    assert.deepEqual(readdirSync(join(file, '..')), []);
  });

  test('is released when the work fails', async () => {
    const file = join(folderWith({}), 'lock');
    await assert.rejects(
      withLock(file, () => Promise.reject(new Error('no'))),
      /no/,
    );
    assert.equal(existsSync(file), false);
  });

  test('takes over from a process that is gone', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((done) => child.on('close', done));
    const folder = folderWith({ lock: String(child.pid) });
    assert.equal(await withLock(join(folder, 'lock'), async () => 'done'), 'done');
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe('runQuietly', () => {
  test('answers what a program printed and whether it went well', async () => {
    const script = 'console.log("out"); console.error("err"); process.exit(Number(process.argv[1]))';
    const good = await runQuietly(process.execPath, ['-e', script, '0'], { cwd: scratch });
    assert.equal(good.ok, true);
    assert.match(good.output, /out/);
    assert.match(good.output, /err/);
    assert.equal((await runQuietly(process.execPath, ['-e', script, '4'], { cwd: scratch })).ok, false);
    assert.equal((await runQuietly(join(scratch, 'absent'), [], { cwd: scratch })).ok, false);
  });

  test('ends a program, and what it started, when its time is over', async () => {
    const script = 'require("child_process").spawn("sleep", ["60"], { stdio: "inherit" }); setInterval(() => {}, 1000)';
    const { ok, output } = await runQuietly(process.execPath, ['-e', script], { cwd: scratch, limitMs: 500 });
    assert.equal(ok, false);
    assert.match(output, /ended after/);
  });
});

describe('complaintsAbout a test run', () => {
  const clean = { tests: 2, passed: 2, failed: 0, cancelled: 0, skipped: 0, todo: 0 };
  const complaints = (...lines: object[]) => {
    const root = folderWith({ verdict: lines.map((line) => `${JSON.stringify(line)}\n`).join('') });
    return complaintsAbout(join(root, 'verdict'));
  };

  test('none about a clean one', () => {
    assert.deepEqual(complaints({ totals: clean }), []);
  });

  test('about tests that did not run to their end', () => {
    for (const kind of ['skipped', 'todo', 'cancelled']) {
      assert.match(complaints({ totals: { ...clean, [kind]: 1 } }).join('\n'), new RegExp(`1 ${kind}`));
    }
    assert.match(complaints({ notRun: 'name (file:3)', why: 'skip' }, { totals: clean }).join('\n'), /name \(file:3\)/);
  });

  test('about nothing having run, a file without tests, and a runner that broke off', () => {
    assert.match(complaints({ totals: { ...clean, passed: 0 } }).join('\n'), /no test was run/);
    assert.match(complaints({ empty: 'a.test.ts' }, { totals: clean }).join('\n'), /no test in a\.test\.ts/);
    assert.match(complaints().join('\n'), /without its totals/);
    assert.match(complaintsAbout(join(scratch, 'absent')).join('\n'), /without its totals/);
  });
});

describe('the servers for the tests', () => {
  /** A machine with these programs: on PATH, and below Debian's folder for PostgreSQL. */
  function machineWith(programs: string[], { broken = [] as string[] } = {}) {
    const root = folderWith({});
    for (const path of [...programs, ...broken]) {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), `#!/bin/sh\nexit ${broken.includes(path) ? 1 : 0}\n`, { mode: 0o755 });
    }
    return { root, env: { PATH: join(root, 'bin') }, debianFolder: join(root, 'debian') };
  }
  const cluster = (folder: string) => [`${folder}/postgres`, `${folder}/initdb`];

  test('PostgreSQL is the one on PATH, else Debian’s newest, and one that starts', async () => {
    const debians = ['9.6', '15', '16'].flatMap((version) => cluster(`debian/${version}/bin`));
    const found = async (programs: string[], broken?: string[]) => {
      const machine = machineWith(programs, broken && { broken });
      return (await findPostgres(machine))?.postgres.slice(machine.root.length + 1);
    };
    assert.equal(await found([...cluster('bin'), ...debians]), 'bin/postgres');
    assert.equal(await found(debians), 'debian/16/bin/postgres');
    assert.equal(await found(['bin/postgres', ...debians]), 'debian/16/bin/postgres');
    assert.equal(await found(['bin/initdb', ...debians], ['bin/postgres']), 'debian/16/bin/postgres');
    assert.equal(await found(debians.slice(0, 4), ['debian/16/bin/postgres']), 'debian/15/bin/postgres');
    assert.equal(await found([]), undefined);
  });

  test('Redis may be Valkey, and is one that starts', async () => {
    const found = async (programs: string[], broken?: string[]) => {
      const machine = machineWith(programs, broken && { broken });
      return (await findRedis(machine))?.slice(machine.root.length + 1);
    };
    assert.equal(await found(['bin/redis-server', 'bin/valkey-server']), 'bin/redis-server');
    assert.equal(await found(['bin/valkey-server'], ['bin/redis-server']), 'bin/valkey-server');
    assert.equal(await found([]), undefined);
  });

  test('what the machine lacks is installed, and where that fails it is said why, and how to do it', async () => {
    const asked: string[] = [];
    const machine = machineWith(['bin/redis-server']);
    const install = async (name: string, reasons: string[]) => {
      asked.push(name);
      if (asked.length > 1) {
        for (const path of cluster(join(machine.root, 'bin'))) writeFileSync(path, '#!/bin/sh\n', { mode: 0o755 });
        return true;
      }
      reasons.push('The mirror is away.');
      return false;
    };
    await assert.rejects(ensureServerPrograms({ ...machine, install }), (error: Error) => {
      assert.match(
        error.message,
        /no PostgreSQL .*\nThe mirror is away\.\nInstall PostgreSQL .*apt-get install postgresql/,
      );
      return true;
    });
    const { postgres, redis } = await ensureServerPrograms({ ...machine, install });
    assert.deepEqual(
      [postgres.postgres, redis],
      [join(machine.root, 'bin/postgres'), join(machine.root, 'bin/redis-server')],
    );
    assert.deepEqual(asked, ['postgresql', 'postgresql']);
  });

  test('one that the environment names is used, and the other is started and ended', async () => {
    const { postgres, redis } = await ensureServerPrograms();
    const given = { DOCENT_TEST_POSTGRES_URL: 'postgres://elsewhere', DOCENT_TEST_REDIS_URL: 'redis://elsewhere' };
    assert.deepEqual((await startSharedServers({ postgres, redis }, given)).env, {});
    const { env, stop } = await startSharedServers(
      { postgres, redis },
      { DOCENT_TEST_POSTGRES_URL: 'postgres://elsewhere' },
    );
    assert.deepEqual(Object.keys(env), ['DOCENT_TEST_REDIS_URL']);
    const { hostname, port } = new URL(env.DOCENT_TEST_REDIS_URL ?? '');
    const connected = () =>
      new Promise<boolean>((done) => {
        const socket = connect(Number(port), hostname, () => done(true));
        socket.on('error', () => done(false)).unref();
      });
    assert.equal(await connected(), true);
    await stop();
    assert.equal(await connected(), false);
  });

  test('one ends, and its folder is gone, when the process that has started it is killed', async () => {
    const program = `
      import { findRedis, startRedisServer } from ${JSON.stringify(join(ROOT, 'scripts/lib/redis.mjs'))};
      const { folder, port } = await startRedisServer(await findRedis());
      console.log(JSON.stringify({ folder, port }));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      timeout: 60_000,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { folder } = JSON.parse(String((await once(child.stdout, 'data'))[0]));
    assert.equal(existsSync(folder), true);
    child.kill('SIGKILL');
    while (existsSync(folder)) await sleep(20);
  });
});
