// Line icons, made of SVG elements. They say nothing to a screen reader: what has an icon has a text too.

const SVG = 'http://www.w3.org/2000/svg';
const OFF = 'M4 4l16 16';
const MICROPHONE = ['M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3z', 'M5.5 11a6.5 6.5 0 0 0 13 0', 'M12 17.5V21'];
const CAMERA = ['M4 6.5h9.5a2 2 0 0 1 2 2v7a2 2 0 0 1-2 2H4a1.5 1.5 0 0 1-1.5-1.5V8A1.5 1.5 0 0 1 4 6.5z', 'M15.5 10.5l6-3.5v10l-6-3.5'];

const PATHS = {
  microphone: MICROPHONE,
  'microphone-off': [...MICROPHONE, OFF],
  camera: CAMERA,
  'camera-off': [...CAMERA, OFF],
  screen: ['M3.5 4.5h17v11.5h-17z', 'M8.5 20h7', 'M12 13V7.5', 'M9.5 10L12 7.5l2.5 2.5'],
  people: ['M9 11.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z', 'M2.5 20c0-3.5 3-5.5 6.5-5.5s6.5 2 6.5 5.5', 'M16 5a3.3 3.3 0 0 1 0 6.2', 'M18 14.8c2.2.7 3.5 2.5 3.5 5.2'],
  settings: ['M4 7h9', 'M18 7h2', 'M4 17h2', 'M11 17h9', 'M15.5 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z', 'M8.5 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z'],
  full: ['M4 9V4h5', 'M20 9V4h-5', 'M4 15v5h5', 'M20 15v5h-5'],
  leave: ['M14 4.5H6a1.5 1.5 0 0 0-1.5 1.5v12A1.5 1.5 0 0 0 6 19.5h8', 'M10.5 12H21', 'M17.5 8.5L21 12l-3.5 3.5'],
  sound: ['M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z', 'M15.5 9a4 4 0 0 1 0 6', 'M18 6.5a7.5 7.5 0 0 1 0 11'],
  used: ['M9.5 14.5l5-5', 'M11 6.5l1.5-1.5a4.5 4.5 0 0 1 6.5 6.5L17.5 13', 'M13 17.5L11.5 19A4.5 4.5 0 0 1 5 12.5L6.5 11'],
  time: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M12 7.5V12l3 2'],
  barred: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M6 18L18 6'],
  unknown: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7', 'M12 16.8v.1'],
  away: ['M5 12.5a10 10 0 0 1 3-2', 'M2 9a15 15 0 0 1 4.5-3', 'M22 9a15 15 0 0 0-11-4', 'M19 12.5a10 10 0 0 0-4-2.5', 'M8.5 16a5 5 0 0 1 7 0', 'M12 19.8v.1', OFF],
  ended: ['M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', 'M9 9h6v6H9z'],
};

export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  for (const d of PATHS[name]) {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('d', d);
    svg.append(path);
  }
  return svg;
}
