// The studio: /studio/<id>, or /studio with a session that a panel hands over.

import { config } from '../shared/page.js';
import { listen, sessionLeftHere, sessionOfPath } from './entry.js';
import { begin, receive } from './visit.js';

const named = sessionOfPath(location.pathname);
const left = named ? null : sessionLeftHere();

if (left) receive(left);
else begin(named);
listen(config.origins, receive);
