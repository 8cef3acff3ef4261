// What a program in JavaScript does with node-zookeeper-client: node program.js HOST:PORT[,HOST:PORT...]
// Prints what it is told, without what differs from run to run, so that two servers can be compared. At a line
// "cut PORT" it waits for a line of its standard input: the server at this port is to go meanwhile.
'use strict';

const readline = require('readline');
const { promisify } = require('util');
const zookeeper = require('node-zookeeper-client');

const { ACL, CreateMode, Exception, Id, Permission } = zookeeper;
const PATIENCE_MS = 60000;

function say(what, ...values) {
    console.log([what, ...values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))].join(' '));
}

// The promise, or an end of the program that says what was waited for.
function within(what, promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('waited in vain: ' + what)), PATIENCE_MS);
    });
    return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// The error's name; "done" without one.
async function outcome(promise) {
    try {
        await promise;
        return 'done';
    } catch (error) {
        if (!(error instanceof Exception)) throw error;
        return error.getName();
    }
}

// One session, with promises in the place of callbacks.
class Session {
    constructor(hosts) {
        this.client = zookeeper.createClient(hosts, { sessionTimeout: 10000, spinDelay: 200 });
        for (const name of ['create', 'remove', 'setData', 'exists', 'setACL', 'getACL', 'mkdirp']) {
            const call = promisify(this.client[name]).bind(this.client);
            this[name] = (...words) => within(name + ' ' + words[0], call(...words));
        }
        this.getData = this.pair('getData', (data, stat) => ({ data: data === undefined ? null : String(data), stat }));
        this.getChildren = this.pair('getChildren', (names, stat) => ({ names: names.sort(), stat }));
    }

    pair(name, make) {
        return (...words) => within(name + ' ' + words[0], new Promise((resolve, reject) => {
            this.client[name](...words, (error, first, second) => (error ? reject(error) : resolve(make(first, second))));
        }));
    }

    connect() {
        const connected = new Promise((resolve) => this.client.once('connected', resolve));
        this.client.connect();
        return within('a session', connected).then(() => this);
    }

    id() {
        return this.client.getSessionId().toString('hex');
    }

    port() {
        return this.client.connectionManager.socket.remotePort;
    }

    // Until it is done, over connections that end meanwhile.
    async persistently(what, act) {
        const until = Date.now() + PATIENCE_MS;
        for (;;) {
            const result = await outcome(act());
            if (result === 'done') return;
            if (result !== 'CONNECTION_LOSS' || Date.now() > until) throw new Error(what + ': ' + result);
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
    }

    commit(transaction) {
        return within('a transaction', new Promise((resolve) => {
            transaction.commit((error, results) => resolve({ error: error ? error.getName() : 'done', results }));
        }));
    }

    close() {
        const closed = new Promise((resolve) => this.client.once('disconnected', resolve));
        this.client.close();
        return within('the end of the session', closed);
    }
}

// [watcher for a read, promise of its event].
function watched(what) {
    let tell;
    const event = new Promise((resolve) => { tell = resolve; });
    return [(one) => tell(one.getName() + ' ' + one.getPath()), within(what, event)];
}

// Of a node that this session may own.
function facts(stat, session) {
    const owner = stat.ephemeralOwner.toString('hex');
    return { version: stat.version, cversion: stat.cversion, aversion: stat.aversion, bytes: stat.dataLength,
             children: stat.numChildren, owner: owner === session.id() ? 'mine' : owner };
}

async function nodes(me) {
    say('create', await me.create('/node', Buffer.from('top')));
    for (const [name, mode] of Object.entries(CreateMode)) {
        const path = await me.create('/node/' + name.toLowerCase() + '-', Buffer.from(name), ACL.OPEN_ACL_UNSAFE, mode);
        say(name, path, facts(await me.exists(path), me));
    }
    say('without data', await me.create('/node/plain'), (await me.getData('/node/plain')).data);
    say('again', await outcome(me.create('/node/plain')));
    say('below an ephemeral', await outcome(me.create('/node/ephemeral-/child')));
    say('below nothing', await outcome(me.create('/none/child')));
    say('not there', await me.exists('/none'), await outcome(me.getData('/none')));
    say('set', facts(await me.setData('/node/plain', Buffer.from('two'), 0), me));
    say('set the old version', await outcome(me.setData('/node/plain', Buffer.from('three'), 0)));
    const large = Buffer.alloc(1000000, 'x');
    say('set a large one', facts(await me.setData('/node/plain', large, 1), me));
    say('its data', (await me.getData('/node/plain')).data === String(large));
    const { names, stat } = await me.getChildren('/node');
    say('children', names, facts(stat, me));
    say('not empty', await outcome(me.remove('/node')));
    say('remove the wrong version', await outcome(me.remove('/node/plain', 0)));
    say('remove', await outcome(me.remove('/node/plain', 2)), await me.exists('/node/plain'));
    say('mkdirp', await me.mkdirp('/node/a/b/c', Buffer.from('d')));
    for (const path of ['/node/a/b/c', '/node/a/b', '/node/a']) await me.remove(path);
    say('removed', await me.exists('/node/a'));
}

async function transactions(me) {
    const good = await me.commit(me.client.transaction().create('/node/multi', Buffer.from('m'))
        .create('/node/multi/s', null, CreateMode.EPHEMERAL_SEQUENTIAL).setData('/node/multi', Buffer.from('n'))
        .check('/node/multi', 1).create('/node/short').remove('/node/short'));
    say('transaction', good.error, good.results.map((one) => [one.type, one.path, one.stat && one.stat.version]));
    const bad = await me.commit(me.client.transaction().remove('/node/multi/none').create('/node/not'));
    say('one that fails', bad.error, bad.results.map((one) => [one.type, one.err]));
    const late = await me.commit(me.client.transaction().create('/node/not').check('/node', 99));
    say('one that fails at its end', late.error, late.results.map((one) => [one.type, one.err]));
    say('nothing of them is done', await me.exists('/node/not'), (await me.getData('/node/multi')).data);
}

async function permissions(me, hosts) {
    const digest = 'user:' + require('crypto').createHash('sha1').update('user:secret').digest('base64');
    me.client.addAuthInfo('digest', Buffer.from('user:secret'));
    await me.create('/node/closed', Buffer.from('c'), ACL.CREATOR_ALL_ACL);
    const told = (acl) => acl.map((one) => [one.permission, one.id.scheme, one.id.id]);
    const acl = told(await me.getACL('/node/closed'));
    say('its list', acl, acl[0][2] === digest, (await me.getData('/node/closed')).data);
    const other = await new Session(hosts).connect();
    say('another', await outcome(other.getData('/node/closed')), await outcome(other.setData('/node/closed', Buffer.from('o'))));
    other.client.addAuthInfo('digest', Buffer.from('user:wrong'));
    say('with another password', await outcome(other.getData('/node/closed')));
    other.client.addAuthInfo('digest', Buffer.from('user:secret'));
    say('with the right one', (await other.getData('/node/closed')).data);
    await me.setACL('/node/closed', [new ACL(Permission.READ, Id.ANYONE_ID_UNSAFE),
                                     new ACL(Permission.ALL, new Id('digest', digest))], 0);
    const third = await new Session(hosts).connect();
    say('all may read', (await third.getData('/node/closed')).data, await outcome(third.setData('/node/closed', Buffer.from('t'))));
    say('no list', await outcome(me.setACL('/node/closed', [new ACL(Permission.ALL, new Id('digest', 'none'))])));
    await other.close();
    await third.close();
}

async function watches(me, hosts) {
    const other = await new Session(hosts).connect();
    const [data, dataEvent] = watched('new data');
    const [children, childrenEvent] = watched('new children');
    const [created, createdEvent] = watched('a new node');
    await me.getData('/node/multi', data);
    await me.getChildren('/node', children);
    await me.exists('/node/later', created);
    await other.setData('/node/multi', Buffer.from('w'));
    say('event', await dataEvent);
    await other.create('/node/later', CreateMode.EPHEMERAL);
    say('event', await createdEvent, 'and', await childrenEvent);
    const [gone, goneEvent] = watched('the end of an ephemeral');
    await me.exists('/node/later', gone);
    await other.close();
    say('event', await goneEvent, await me.exists('/node/later'));
}

async function reconnect(me, input) {
    const session = me.id();
    const [changed, changedEvent] = watched('new data over the cut');
    const [children, childrenEvent] = watched('new children over the cut');
    await me.getData('/node', changed);
    await me.getChildren('/node', children);
    say('cut', me.port());
    await input.next();
    await me.persistently('set', () => me.setData('/node', Buffer.from('after')));
    await me.persistently('create', async () => {
        if (await me.exists('/node/after') === null) await me.create('/node/after');
    });
    say('event', await changedEvent, 'and', await childrenEvent);
    const mine = await me.exists('/node/ephemeral-');
    say('the same session', me.id() === session, 'its ephemeral', facts(mine, me));
    say('its identity', (await me.getData('/node/closed')).data);
}

async function end(me, hosts) {
    const other = await new Session(hosts).connect();
    const [gone, goneEvent] = watched('the end of the session');
    await other.exists('/node/ephemeral-', gone);
    await me.close();
    say('event', await goneEvent);
    say('left', (await other.getChildren('/node')).names);
    await other.close();
}

async function main() {
    const hosts = process.argv[2];
    const input = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const me = await new Session(hosts).connect();
    await nodes(me);
    await transactions(me);
    await permissions(me, hosts);
    await watches(me, hosts);
    await reconnect(me, input);
    await end(me, hosts);
    say('over');
    process.exit(0);
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
