"""The router's promise, for any interleaving: each destination ends in the state that the alerts' last truth asks for.

The reference is the provider's own rules and one line: what should be open is what fires. Everything else (webhooks
that come twice, late and out of order, two replicas, crashes between any two steps, lost answers) may only change the
way.
"""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from memory_store import MemoryStore
from router_world import PAYMENTS_EMAIL, TRAITS, Provider, alert, incident_of, routes

from router import planning
from router.applier import Applier, Incoming
from router.model import NOTHING, SECOND, AlertStatus, Mode, Shown, Status
from router.notifier import Delivered, Reason, Retry

ALERTS = [
    ("Down", "a", "critical"),
    ("Down", "b", "high"),
    ("Full", "a", "medium"),
]
REPLICAS = ("one", "two")
OUTCOMES = ["delivered", "delivered", "lost", "lost unseen", "refused", "limited"]
LEASE = 30 * SECOND


class Router(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now = 1_000_000 * SECOND
        self.room = 1
        self.store = MemoryStore()
        self.store.open()
        self.routes = routes()
        self.alive = list(REPLICAS)
        self.appliers = {
            name: Applier(routes=lambda: self.routes, traits=TRAITS, owner=name, room=lambda _destination: self.room)
            for name in REPLICAS
        }
        self.truth = {}
        self.episodes = 0
        self.network = []
        self.claimed = {name: [] for name in REPLICAS}
        self.late = []
        self.providers = {}
        self.landed_late = False

    # The world

    def _alert(self, number):
        name, instance, severity = ALERTS[number]
        started, ended = self.truth[number]
        return alert(name, instance=instance, severity=severity, firing=not ended, at=started, ended=ended)

    @rule(number=st.sampled_from(range(len(ALERTS))), arrives=st.booleans(), replica=st.sampled_from(REPLICAS))
    def something_fires_or_ends(self, number, arrives, replica):
        self.now += SECOND
        started, ended = self.truth.get(number, (0, 1))
        self.truth[number] = (self.now, 0) if ended else (started, self.now)
        webhook = self._group(ALERTS[number][0])
        if arrives:
            self._arrive(replica, webhook)
        self.network = [*self.network[-5:], webhook]

    def _group(self, name):
        return [self._alert(number) for number in sorted(self.truth) if ALERTS[number][0] == name]

    @rule(room=st.sampled_from([0, 1, 5]))
    def destinations_have_room(self, room):
        self.room = room

    @precondition(lambda self: self.network)
    @rule(data=st.data(), keep=st.booleans(), replica=st.sampled_from(REPLICAS))
    def a_webhook_arrives(self, data, keep, replica):
        index = data.draw(st.integers(0, len(self.network) - 1))
        webhook = self.network[index] if keep else self.network.pop(index)
        self._arrive(replica, webhook)

    def _arrive(self, replica, webhook):
        self.now += 1
        with self.store.begin() as tx:
            applied = self.appliers[replica].apply(tx, [Incoming("", self.now, tuple(webhook))], self.now)
        self.claimed[replica] += [work.delivery for work in applied.work]

    @rule(seconds=st.sampled_from([1, 5, 70, 4000]))
    def time_passes(self, seconds):
        self.now += seconds * SECOND
        self._land_late()

    # The workers

    @rule(replica=st.sampled_from(REPLICAS))
    def a_replica_claims(self, replica):
        self._claim(replica)

    def _claim(self, replica):
        with self.store.begin() as tx:
            for row in tx.take_due(self.now, [*self.alive], {}, 5, 50):
                traits = TRAITS[row.destination.partition(":")[0]]
                left = row.status is Status.CLAIMED
                free = planning.take_over(row, self.now, traits, LEASE) if left else row
                taken = planning.claim(free, replica, traits, self.now)
                tx.save_deliveries([taken])
                if taken.status is Status.CLAIMED:
                    self.claimed[replica].append(taken)

    @precondition(lambda self: any(self.claimed.values()))
    @rule(data=st.data())
    def calls_are_made(self, data):
        replica = data.draw(st.sampled_from([name for name in REPLICAS if self.claimed[name]]))
        rows, self.claimed[replica] = self.claimed[replica], []
        for row in rows:
            self._call(replica, row, data.draw(st.sampled_from(OUTCOMES)))

    def _provider(self, row):
        channel = row.destination.partition(":")[0]
        return self.providers.setdefault(row.destination, Provider(pages=channel == "pagerduty"))

    def _call(self, replica, row, outcome):
        self.now += 1
        if outcome in ("delivered", "lost"):
            self._provider(row).call(row.incident_id, row.claim)
        answer = {
            "delivered": Delivered(),
            "lost": Retry(Reason.TIMEOUT, maybe_shown=True),
            "lost unseen": Retry(Reason.TIMEOUT, maybe_shown=True),
            "refused": Retry(Reason.UNREACHABLE),
            "limited": Retry(Reason.RATE_LIMITED, after=3),
        }[outcome]
        with self.store.begin() as tx:
            (stored,) = [
                r for r in tx.deliveries([row.incident_id])[row.incident_id] if r.destination == row.destination
            ]
            if stored.owner != replica or stored.claim != row.claim:
                return
            settled = planning.settle(
                stored,
                answer,
                now=self.now,
                traits=TRAITS[row.destination.partition(":")[0]],
                # An outage that spends no attempt: what is dead is not what this test is about.
                breaker_open=True,
                jitter=0.5,
                repeat_interval=self.routes.repeat_interval,
                owner=replica,
            )
            tx.save_deliveries([settled.delivery])
        if settled.again:
            self.claimed[replica].append(settled.delivery)

    # What goes wrong

    @precondition(lambda self: any(self.claimed.values()))
    @rule(data=st.data(), sent=st.integers(0, 3), late=st.booleans())
    def a_replica_is_killed(self, data, sent, late):
        replica = data.draw(st.sampled_from([name for name in REPLICAS if self.claimed[name]]))
        rows, self.claimed[replica] = self.claimed[replica], []
        for row in rows[:sent]:
            self._provider(row).call(row.incident_id, row.claim)
        if late:
            # A call that is under way when the replica dies, and arrives within the time that a call may take.
            self.late += [(self.now + LEASE // 2, row) for row in rows[sent : sent + 1]]
        self.alive = [name for name in self.alive if name != replica]
        other = REPLICAS[1 - REPLICAS.index(replica)]
        if other not in self.alive:
            self.alive.append(other)
        self._claim(other)
        self.alive.append(replica)
        self._land_late()

    def _land_late(self):
        due = [entry for entry in self.late if entry[0] <= self.now]
        self.late = [entry for entry in self.late if entry[0] > self.now]
        for _, row in due:
            self.landed_late = True
            self._provider(row).call(row.incident_id, row.claim)

    # What must hold

    @invariant()
    def no_call_is_made_that_was_not_claimed(self):
        for replica, rows in self.claimed.items():
            for row in rows:
                stored = self.store.database.delivery(row.incident_id, row.destination)
                assert stored.owner == replica
                assert stored.claim == row.claim != NOTHING

    @invariant()
    def counts_are_those_of_the_alerts(self):
        database = self.store.database
        for incident in database.incidents.values():
            firing = [
                state
                for state in database.alerts.values()
                if state.incident_id == incident.id and state.status is AlertStatus.FIRING
            ]
            assert incident.firing == len(firing)
            assert incident.open == bool(firing)

    def teardown(self):
        for _ in range(40):
            self.now += 2 * LEASE
            self._land_late()
            self._last_truth()
            self._ask_about_held()
            for replica in REPLICAS:
                self._claim(replica)
                while self.claimed[replica]:
                    self._call(replica, self.claimed[replica].pop(0), "delivered")
        self._check()

    def _last_truth(self):
        for name in sorted({entry[0] for entry in ALERTS}):
            group = self._group(name)
            if group:
                self._arrive("one", group)

    def _ask_about_held(self):
        held = [state for state in self.store.database.alerts.values() if state.status is AlertStatus.HELD]
        firing = {self._alert(number).fingerprint for number in self.truth if not self.truth[number][1]}
        keys = [(state.cluster, state.fingerprint) for state in held]
        with self.store.begin() as tx:
            applied = self.appliers["one"].decide_held(
                tx,
                [key for key in keys if key[1] in firing],
                [key for key in keys if key[1] not in firing],
                self.now,
            )
        self.claimed["one"] += [work.delivery for work in applied.work]

    def _check(self):
        firing = [(number, self._alert(number)) for number in self.truth if not self.truth[number][1]]
        channels = {"critical": ["pagerduty"], "high": ["pagerduty", "slack"], "medium": ["slack"]}
        for destination, provider in self.providers.items():
            channel = destination.partition(":")[0]
            for name in sorted({entry[0] for entry in ALERTS}):
                incident = incident_of(alert(name))
                group = [made for _, made in firing if made.labels["alertname"] == name]
                worst = min((made.labels["severity"] for made in group), default="", key=list(channels).index)
                open_now = incident in provider.open
                if channel == "pagerduty" and "payments" in destination.lower():
                    assert open_now == (channel in channels.get(worst, []))
                elif not group:
                    assert not open_now, provider.told
                elif channel in channels[worst] and "#payments" in destination:
                    assert open_now
            assert not provider.mistakes or self.landed_late
            if provider.pages and not self.landed_late:
                assert len(provider.opened) == len(set(provider.opened)), "somebody was paged twice for one episode"
        for row in self.store.database.deliveries():
            assert row.mode is Mode.NOTE or row.status is Status.SETTLED
            assert row.shown.state is not Shown.UNKNOWN
        assert PAYMENTS_EMAIL not in self.providers


Router.TestCase.settings = settings(
    max_examples=int(os.environ.get("ROUTER_EXAMPLES", "60")),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A failure here has ten steps; making it shorter takes minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
TestTheRouterEndsInTheStateOfTheLastTruth = Router.TestCase
