// `npm run lock`: writes into package-lock.json the optional packages of other platforms that npm left out.
// npm leaves them out when it cannot see them (an existing node_modules, a registry that lacks them), and then
// `npm ci` refuses the file everywhere. They get no `integrity` until an npm that can see them adds it.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
/** @type {Record<string, string>} */
const LIBRARIES = { gnu: 'glibc', musl: 'musl' };
/** @type {Record<string, string>} */
const OTHER_SPELLINGS = { armhf: 'arm', arm64ec: 'arm64', windows: 'win32' };

/** @typedef {{version?: string, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[], optionalDependencies?: Record<string, string>, peerDependenciesMeta?: Record<string, {optional?: boolean}>}} Entry */
/** @typedef {{packages: Record<string, Entry>}} Lock */

/**
 * Optional packages that some package asks for and the lock file lacks, as new entries by path.
 * @param {Lock} lock
 * @returns {Record<string, Entry>}
 */
export function missingOptionals({ packages }) {
  /** @type {Record<string, Entry>} */
  const missing = {};
  for (const [path, parent] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
      const isThere = placesOf(path, name).some((place) => place in packages);
      const isExact = /^\d+\.\d+\.\d+(-[\w.-]+)?$/.test(version);
      if (!isThere && isExact && isForPlatform(name)) missing[`node_modules/${name}`] = entryFor(name, version, parent);
    }
  }
  return missing;
}

/** Where Node would look for a package, nearest first. @param {string} path @param {string} name */
function placesOf(path, name) {
  const levels =
    path === ''
      ? []
      : path.split('/node_modules/').map((_, depth, parts) => parts.slice(0, depth + 1).join('/node_modules/'));
  return [...levels.reverse().map((level) => `${level}/node_modules/${name}`), `node_modules/${name}`];
}

/** @param {string} name */
function platformOf(name) {
  const words = (name.split('/').at(-1) ?? '').split(/[-.]/).map((word) => OTHER_SPELLINGS[word] ?? word);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  const libc = Object.keys(LIBRARIES).filter((word) => os.includes('linux') && words.includes(word));
  return { os, cpu, libc: libc.map((word) => LIBRARIES[word] ?? word) };
}

/** @param {string} name */
function isForPlatform(name) {
  const { os, cpu } = platformOf(name);
  return os.length + cpu.length > 0;
}

/** @param {string} name @param {string} version @param {Entry} parent @returns {Entry} */
function entryFor(name, version, parent) {
  const limits = Object.entries(platformOf(name)).filter(([, values]) => values.length > 0);
  return { version, ...Object.fromEntries(limits), ...(parent.dev ? { dev: true } : {}), optional: true };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lock = JSON.parse(readFileSync(FILE, 'utf8'));
  const missing = missingOptionals(lock);
  const [root, ...others] = Object.entries({ ...lock.packages, ...missing });
  others.sort(([left], [right]) => left.localeCompare(right, 'en'));
  lock.packages = Object.fromEntries([root ?? ['', {}], ...others]);
  if (Object.keys(missing).length > 0) writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`package-lock.json: ${Object.keys(missing).length} packages of other platforms added`);
}
