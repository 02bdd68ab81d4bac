// A message centre made of the package `smpp` (node-smpp), which knows nothing of us: it takes
// submits, joins their parts, reports on each, and delivers what stands on its standard input.
// One JSON document a line on standard output says what it saw.
//     node smsc.mjs PACKAGES

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';

const require = createRequire(join(process.argv[2], 'index.js'));
const smpp = require('smpp');

const say = (what) => process.stdout.write(JSON.stringify(what) + '\n');
const parts = new Map();
let count = 0;
let hearing = null;

/** The text and place of a part: by header, by optional fields, or alone. */
function read(pdu) {
    const short = pdu.short_message;
    const place = short.udh?.find((element) => element[0] === 0 && element[1] === 3);
    if (place) {
        return { text: short.message, ref: place[2], total: place[3], number: place[4] };
    }
    if (pdu.sar_total_segments) {
        const [ref, total] = [pdu.sar_msg_ref_num, pdu.sar_total_segments];
        return { text: short.message, ref, total, number: pdu.sar_segment_seqnum };
    }
    const payload = pdu.message_payload?.message ?? pdu.message_payload;
    return { text: short.message || payload, ref: 0, total: 1, number: 1 };
}

function take(session, pdu) {
    const id = String(++count).padStart(10, '0');
    session.send(pdu.response({ message_id: id }));
    const part = read(pdu);
    const key = `${pdu.destination_addr}/${part.ref}`;
    const texts = parts.get(key) ?? new Map();
    texts.set(part.number, part.text);
    parts.set(key, texts);
    if (texts.size === part.total) {
        parts.delete(key);
        const text = [...texts].sort(([a], [b]) => a - b).map(([, text]) => text).join('');
        say({ arrived: text, to: pdu.destination_addr, from: pdu.source_addr, parts: part.total });
    }
    const receipt = `id:${id} sub:001 dlvrd:001 submit date:2607010203 done date:2607010204 ` +
        'stat:DELIVRD err:000 text:';
    deliver(pdu.destination_addr, pdu.source_addr, { esm_class: 4, short_message: receipt });
}

function deliver(from, to, rest) {
    const fields = { source_addr: from, destination_addr: to, ...rest };
    hearing?.deliver_sm(fields, (answer) => say({ acknowledged: answer.command_status }));
}

const server = smpp.createServer((session) => {
    session.on('error', (fault) => say({ fault: String(fault) }));
    session.on('bind_transceiver', (pdu) => {
        const known = pdu.system_id === 'emerg01' && pdu.password === 'geheim8';
        session.send(pdu.response(known ? {} : { command_status: smpp.ESME_RINVPASWD }));
        if (known) hearing = session;
    });
    session.on('submit_sm', (pdu) => take(session, pdu));
    session.on('enquire_link', (pdu) => {
        session.send(pdu.response());
        say({ probed: true });
    });
    session.on('unbind', (pdu) => {
        session.send(pdu.response());
        session.close();
        say({ left: true });
    });
});
server.listen(0, '127.0.0.1', () => say({ port: server.address().port }));

const input = createInterface({ input: process.stdin });
input.on('line', (line) => {
    const { from, to, text } = JSON.parse(line);
    deliver(from, to, { data_coding: 8, short_message: text });
});
input.on('close', () => process.exit(0));
