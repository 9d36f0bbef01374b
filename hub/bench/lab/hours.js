/**
 * Hours of events within minutes: the page's clock is moved on, and the events socket of JupyterLab gets what the
 * seat sends in that time. Each event is one that came, with other numbers and times; those that come meanwhile are
 * left out. The numbers are such as real devices give, so that graphs are kept and drawn.
 */
window.werkbankHours = (() => {
  const SCHEMA = 'https://schema.werkbank.example/lab/part/v1';
  const came = {};
  let socket;
  let ahead = 0;
  let isPlaying = false;

  const RealDate = Date;
  const realNow = Date.now.bind(Date);
  RealDate.now = () => realNow() + ahead;
  window.Date = new Proxy(RealDate, {
    construct: (target, values) => (values.length > 0 ? new target(...values) : new target(target.now()))
  });

  const onMessage = message => {
    if (!message.isTrusted) {
      return;
    }
    if (isPlaying) {
      message.stopImmediatePropagation();
      return;
    }
    const event = JSON.parse(message.data);
    if (event.schema_id === SCHEMA) {
      came[event.part] = message.data;
    }
  };
  window.WebSocket = class extends WebSocket {
    constructor(...values) {
      super(...values);
      if (String(values[0]).includes('/api/events/subscribe')) {
        socket = this;
        // Before the handler that JupyterLab sets.
        this.addEventListener('message', onMessage);
      }
    }
  };

  const now = () => Date.now() / 1000;
  const between = (least, most) => least + Math.random() * (most - least);
  const whole = (least, most) => Math.round(between(least, most));

  const changes = {
    counters(value) {
      value.now = now();
      for (const device of value.devices) {
        device.simulated = false;
        device.utilization = whole(0, 100);
        device.memory_used = whole(0, device.memory);
        device.watts = between(60, 700);
        device.energy_mj = (device.energy_mj ?? 0) + whole(3e5, 3.5e6);
      }
    },
    seat(value) {
      value.cpu = between(0, 2);
      value.memory = whole(3e8, 6e8);
      value.at = now();
    },
    me(value) {
      value.now = now();
      const changed = whole(0, value.leases.length - 1);
      value.leases.forEach((lease, number) => {
        lease.simulated = false;
        lease.held_seconds += lease.state === 'active' ? between(30, 60) : 0;
        if (number === changed) {
          lease.since = value.now;
          lease.busy = lease.state === 'active' && !lease.busy;
          lease.estimate_s = lease.state === 'queued' ? whole(60, 6000) : lease.estimate_s;
        }
      });
      value.classes.forEach(one => (one.free = whole(0, one.total)));
    }
  };

  const tell = part => {
    const event = JSON.parse(came[part]);
    changes[part](event.value);
    came[part] = JSON.stringify(event);
    socket.dispatchEvent(new MessageEvent('message', { data: came[part] }));
  };

  const pause = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));

  return {
    /** Whether one of each has come. */
    isReady: () => ['counters', 'seat', 'me'].every(part => part in came),

    /**
     * So many seconds: counters and seat every `period` seconds, a lease that changes every `change` seconds.
     * `pace`: real milliseconds that a period takes, at least. Answers how many events there were.
     */
    async play({ seconds, period, change, pace }) {
      isPlaying = true;
      let told = 0;
      for (let at = 0; at < seconds; at += period) {
        ahead += period * 1000;
        const parts = ['counters', 'seat', ...(at % change < period ? ['me'] : [])];
        parts.forEach(tell);
        told += parts.length;
        await pause(pace);
      }
      isPlaying = false;
      return told;
    }
  };
})();
