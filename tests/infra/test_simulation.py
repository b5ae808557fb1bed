"""The simulation of the autoscaling policy: nobody is lost, bounds hold, a seed repeats, the bill adds up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from aws_cdk.assertions import Template

from infra.config import NetworkConfig, RendererConfig, ScalingConfig
from infra.rendering.renderer_settings import server_environment
from infra.simulation.bill import bill, price_list
from infra.simulation.cost import ACLS, ALARM_METRICS, ENDPOINTS, RULES, SECRETS, mean_tasks, monthly_cost, total
from infra.simulation.fleet import Bounds, Fleet
from infra.simulation.metrics import CPU_20, CPU_60, Metric, Observed
from infra.simulation.pictures import NEWS, Cost, cost_of
from infra.simulation.plans import Plan, plan_of, plans
from infra.simulation.policies import Decision, Stepper, Steps, TargetTracking, Tracker
from infra.simulation.pool import Arrival, Pool
from infra.simulation.prices import PRICES, cdn_data
from infra.simulation.run import Outcome, run
from infra.simulation.scenarios import SCENARIOS, summary
from infra.simulation.traffic import HotSet, Spike, Traffic
from infra.stages import development, production
from tests.infra.template_reading import properties

TEN_A_SECOND = Cost(seconds=(0.1,), shares=(1.0,))
"""A CPU renders ten a second."""
NEWS_AT_100 = Traffic(
    peak_per_second=200, is_steady=True, begin=0, end=600, spike=Spike(at_seconds=200, hot_share=0.0, factor=16)
)


def plan(*, tasks: tuple[int, int] = (2, 40), queue: int = 50, cpu: float = 60, deadline: float = 10.0) -> Plan:
    rule = TargetTracking(metric=CPU_20, target=cpu, out_cooldown_seconds=30, in_cooldown_seconds=300)
    bounds = Bounds(minimum=tasks[0], maximum=tasks[1], spot_weight=3)
    return Plan(bounds=bounds, cpus=2, rules=(rule,), queue=queue, deadline_seconds=deadline)


def steady(misses: float, seconds: int) -> Traffic:
    return Traffic(peak_per_second=misses / 0.05, is_steady=True, end=seconds)


def turned_away(outcome: Outcome) -> int:
    return int(outcome.refused.sum() + outcome.late.sum())


@pytest.mark.parametrize("queue", [0, 10, 50, 100_000])
def test_every_request_is_rendered_refused_or_late(queue: int) -> None:
    outcome = run(NEWS_AT_100, plan(queue=queue), TEN_A_SECOND)
    assert len(outcome.waits) + turned_away(outcome) == outcome.arrivals.sum() > 40_000
    assert turned_away(outcome) > 0


def test_no_wait_is_longer_than_the_room_or_the_deadline() -> None:
    bounded = run(NEWS_AT_100, plan(queue=50), TEN_A_SECOND)
    unbounded = run(NEWS_AT_100, plan(queue=100_000), TEN_A_SECOND)
    assert bounded.waits.max() < 50 / 20 * 2  # 20 a second is what a task renders; costs scatter
    assert bounded.late.sum() == 0
    assert 9 < unbounded.waits.max() <= 10
    assert unbounded.refused.sum() == 0 < unbounded.late.sum()


@pytest.mark.parametrize(("misses", "expected"), [(5, {2}), (100, {8, 9}), (300, {25, 26, 27})])
def test_a_steady_load_gets_the_tasks_that_its_target_asks_for_and_keeps_them(
    misses: float, expected: set[int]
) -> None:
    outcome = run(steady(misses, 1_800), plan(cpu=60), TEN_A_SECOND)
    assert set(outcome.tasks[900:].tolist()) <= expected  # misses / (20 a task x 0.6)
    assert turned_away(outcome) == 0


def test_tasks_stay_inside_the_bounds() -> None:
    outcome = run(NEWS_AT_100, plan(tasks=(3, 5)), TEN_A_SECOND)
    quiet = run(steady(1, 2_400), plan(tasks=(3, 5)), TEN_A_SECOND)
    assert (outcome.tasks.min(), outcome.tasks.max()) == (3, 5)
    assert set(quiet.tasks.tolist()) == {3}
    assert outcome.desired.max() == 5


def test_tasks_are_removed_a_quarter_of_an_hour_after_the_load_has_gone_and_not_before() -> None:
    traffic = Traffic(
        peak_per_second=200,
        is_steady=True,
        end=3_600,
        spike=Spike(at_seconds=300, hot_share=0.0, factor=10, hold_seconds=120, half_life_seconds=5),
    )
    outcome = run(traffic, plan(), TEN_A_SECOND)
    most = int(outcome.tasks.argmax())
    gone = 300 + 60 + 120 + 60
    first_fewer = most + int(np.argmax(outcome.tasks[most:] < outcome.tasks[most]))
    assert outcome.tasks.max() >= 6
    assert gone + 800 < first_fewer < gone + 1_100
    assert outcome.tasks[-1] == 2


def test_the_same_seed_says_the_same_and_another_seed_something_else() -> None:
    first, again, other = (run(NEWS_AT_100, plan(), TEN_A_SECOND, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.waits, again.waits)
    assert np.array_equal(first.refused, again.refused)
    assert not np.array_equal(first.arrivals, other.arrivals)


def test_more_headroom_never_refuses_more() -> None:
    away = [turned_away(run(NEWS_AT_100, plan(tasks=(tasks, tasks)), TEN_A_SECOND)) for tasks in (2, 5, 10, 20)]
    assert away == sorted(away, reverse=True)
    assert away[0] > away[-1] == 0
    by_target = [turned_away(run(NEWS_AT_100, plan(cpu=cpu), TEN_A_SECOND)) for cpu in (75, 60, 30)]
    assert by_target == sorted(by_target, reverse=True)


@pytest.mark.parametrize(("metric", "seconds"), [(CPU_20, 86), (CPU_60, 363)])
def test_a_scale_out_starts_when_aws_measured_it(metric: Metric, seconds: int) -> None:
    """AWS's benchmark of June 2026: 86 s with the 20-second metric, 363 s with the standard one, on average."""
    starts = []
    for phase in range(0, 60, 5):
        rule = TargetTracking(metric=metric, target=60, out_cooldown_seconds=30, in_cooldown_seconds=300)
        tracker, observed, load_at = Tracker(rule), Observed(2_000), 600 + phase
        for now in range(1, 2_000):
            observed.note(now - 1, busy=2.0 if now > load_at else 0.4, cpus=2, requests=1, tasks=1, inside=1)
            if tracker.decide(observed, desired=4, now=now).out:
                starts.append(now - load_at)
                break
    assert len(starts) == 12
    assert sum(starts) / len(starts) == pytest.approx(seconds, abs=metric.period_seconds / 10)


def test_target_tracking_adds_in_proportion_and_waits_for_what_it_has_added() -> None:
    rule = TargetTracking(metric=CPU_20, target=50, out_cooldown_seconds=120, in_cooldown_seconds=300)
    tracker, observed, desired, added = Tracker(rule), Observed(600), 4, []
    for now in range(1, 300):
        observed.note(now - 1, busy=1.6, cpus=2, requests=1, tasks=1, inside=1)
        out = tracker.decide(observed, desired=desired, now=now).out
        if out:
            desired = out
            added.append((now, out))
    assert [tasks for _, tasks in added] == [7, 12]  # 4 x 80 / 50; after the cooldown, 7 x 80 / 50
    assert added[0][0] == 86  # three periods and the lag
    assert added[1][0] - added[0][0] >= 120


def test_steps_add_by_how_far_it_is_over() -> None:
    stepper, observed = Stepper(Steps()), Observed(200)
    outs = []
    for now in range(1, 150):
        observed.note(now - 1, busy=2, cpus=2, requests=1, tasks=1, inside=6)  # 150 % of four workers
        outs.append(stepper.decide(observed, desired=4, now=now).out)
    assert [out for out in outs if out] == [6, 6, 6]
    assert Decision().out is None


def test_scale_in_needs_every_policy() -> None:
    """Requests that cost next to nothing keep the tasks that the policy by requests wants, whatever the CPU says."""
    cheap = Cost(seconds=(0.001,), shares=(1.0,))
    renderer = RendererConfig(scaling=ScalingConfig(min_tasks=2, max_tasks=20))
    both, cpu_alone = plan_of(renderer), plan_of(replace(renderer, canary=True))
    assert run(steady(60, 1_800), both, cheap).tasks[-1] >= 7
    assert run(steady(60, 1_800), cpu_alone, cheap).tasks[-1] == 2


def test_a_task_takes_requests_after_its_start_and_is_paid_for_from_its_order_on() -> None:
    fleet = Fleet(Bounds(minimum=2, maximum=10, spot_weight=3, start_seconds=45), tasks=2)
    fleet.want(6, now=0)
    running = [fleet.tick(now=second) for second in range(60)]
    assert running[44:46] == [2, 6]
    assert fleet.on_demand_seconds == pytest.approx(60 * (2 + 1))  # one in four above the minimum
    assert fleet.spot_seconds == pytest.approx(60 * 3)


def test_reclaimed_spot_tasks_are_replaced() -> None:
    fleet = Fleet(Bounds(minimum=2, maximum=10, spot_weight=3, start_seconds=45), tasks=10)
    fleet.reclaim_spot(now=0)
    running = [fleet.tick(now=second) for second in range(60)]
    assert (running[0], running[-1]) == (4, 10)


def test_a_pool_serves_first_come_first_served() -> None:
    pool = Pool(seconds=10, deadline_seconds=2.5)
    pool.resize(1, room=2, now=0)
    answer = pool.serve(Arrival(at=[0.0, 0.1, 0.2, 0.3, 1.1], cpu_seconds=[1.0] * 5, rendition=[-1, -1, -1, 7, 8]))
    assert answer.waits == pytest.approx([0, 0.9, 1.8, 1.9])
    assert (answer.refused, answer.late, answer.unmade) == (1, 0, [7])
    late = pool.serve(Arrival(at=[1.2], cpu_seconds=[1.0], rendition=[9]))
    assert (late.refused, late.late, late.unmade) == (1, 0, [9])
    pool.resize(1, room=9, now=2)
    assert pool.serve(Arrival(at=[1.3], cpu_seconds=[1.0], rendition=[9])).late == 1


def test_a_pool_that_shrinks_serves_with_what_is_left() -> None:
    pool = Pool(seconds=10, deadline_seconds=9)
    pool.resize(4, room=9, now=0)
    pool.resize(1, room=9, now=0)
    assert pool.cpus == 1
    assert pool.serve(Arrival(at=[0.0, 0.0], cpu_seconds=[1.0, 1.0], rendition=[-1, -1])).waits == [0, 1]
    assert (pool.in_system(0.5), pool.in_system(1.5), pool.in_system(2.5)) == (2, 1, 0)
    assert pool.busy[:2] == [1.0, 1.0]


def test_each_hot_rendition_is_rendered_once_for_each_cache_and_again_if_it_was_refused() -> None:
    for shield, times in ((True, 1), (False, 13)):
        hot = HotSet(Spike(renditions=50, origin_shield=shield), np.random.default_rng(1))
        assert sum(len(hot.asked(1e6)) for _ in range(20)) == 50 * times
        hot.refused(3)
        assert hot.asked(1e6).tolist() == [3]


def test_origin_shield_keeps_breaking_news_from_the_tasks() -> None:
    spike = Spike(at_seconds=60, hold_seconds=120)
    traffic = Traffic(peak_per_second=1_000, is_steady=True, end=240, spike=spike)
    news, cold = (
        run(replace(traffic, spike=one), plan(), TEN_A_SECOND) for one in (spike, replace(spike, hot_share=0))
    )
    assert news.arrivals[130:180].mean() < 2.2 * 50  # a tenth of the nine others looks around
    assert cold.arrivals[130:180].mean() > 9 * 50


def test_the_mix_costs_what_was_measured(tmp_path: Path) -> None:
    measured = tmp_path / "pictures.json"
    rounds = '{"rounds": [{"pictures": 10, "cpu_seconds": %s}, {"pictures": 10, "cpu_seconds": %s}]}'
    measured.write_text(
        '{"scenarios": ['
        + ",".join(
            f'{{"name": "{name}", "targets": {{"bildwerk": {rounds % (cpu, cpu)}}}}}'
            for name, cpu in {"large": 0.6, "jpeg": 0.2, "jpeg-to-webp": 0.3, "jpeg-to-avif": 0.7}.items()
        )
        + f', {{"name": "s3", "targets": {{"bildwerk": {rounds % (0.2, 0.2)},'
        + f' "bildwerk, s3://": {rounds % (0.2, 0.3)}}}}}'
        + "]}"
    )
    mix = {"jpeg": 1.0, "large-to-avif": 3.0}
    assert cost_of(mix, measured=measured).mean_seconds == pytest.approx((0.02 + 3 * 0.11) / 4 * 1.25)
    assert cost_of(mix, measured=measured, s3=False, graviton=0.5).mean_seconds == pytest.approx(0.0875 * 2)


def test_the_measured_rate_is_near_the_configured_one() -> None:
    assert sum(NEWS.values()) == pytest.approx(1)
    assert cost_of().pictures_per_second == pytest.approx(ScalingConfig().pictures_per_second_per_vcpu, rel=0.15)


def test_plans_are_made_of_the_stage() -> None:
    renderer = production().renderer
    configured = plans()["as configured"]
    assert (configured.bounds.minimum, configured.bounds.maximum) == (
        renderer.scaling.min_tasks,
        renderer.scaling.max_tasks,
    )
    targets = [rule.target for rule in configured.rules if isinstance(rule, TargetTracking)]
    assert targets == [
        renderer.scaling.cpu_percent,
        renderer.scaling.requests_per_task_minute(renderer.vcpus),
    ]
    blank = dict.fromkeys(("originals", "results", "region", "service_name"), "x")
    environment = server_environment(renderer, http_sources=False, **blank)
    assert str(configured.queue) == environment["IMGPROXY_REQUESTS_QUEUE_SIZE"]
    assert [rule.metric.period_seconds for rule in plans()["60-second CPU alone"].rules] == [60]
    assert [plans()[f"at least {tasks} tasks"].bounds.minimum for tasks in (2, 6)] == [2, 6]
    assert plans()["1 s of waiting"].queue < configured.queue < plans()["5 s of waiting"].queue


def test_a_summary_is_the_mean_of_its_phases() -> None:
    outcomes = [run(NEWS_AT_100, plan(), TEN_A_SECOND, seed=seed) for seed in (1, 2)]
    one = summary("x", outcomes, plan(), gigabytes=4)
    assert one.refused == sum(int(outcome.refused.sum()) for outcome in outcomes) / 2
    hours = (outcomes[0].on_demand_seconds + outcomes[1].on_demand_seconds) / 7_200
    spot = (outcomes[0].spot_seconds + outcomes[1].spot_seconds) / 7_200
    dollars = (hours + 0.3 * spot) * (2 * 0.03238 + 4 * 0.00356) * 86_400 / 600
    assert one.usd_a_day == pytest.approx(dollars)
    assert {scenario.title for scenario in SCENARIOS.values()}


def test_a_month_is_what_a_hand_computes() -> None:
    """Ten million requests on the small stage: two tasks day and night."""
    rows = {row.item: row for row in monthly_cost(10_000_000, 0.9, 40_000, development())}
    expected: Mapping[str, float] = {
        "Fargate": 2 * 730 * (0.03238 + 2 * 0.00356),  # 57.67
        "CloudFront, data": 0,  # 400 GB of the terabyte that is free
        "CloudFront, requests, function, Origin Shield": 8 * 0.10 + 2 * 0.75,
        "WAF": 3 * 5 + 16 * 1 + 11 * 0.60,
        "Load balancer": 730 * 0.0225 + 40 * 0.008,  # 40 GB through it
        "Interface endpoints": 8 * 7.3,
        "S3": (1_000 * 12 * 0.005 + 40) * 0.023 + 2 * 0.40 + 1.001 * 5,
        "Logs": (7 + 1.3) * 0.50,
        "Metrics, alarms, dashboard, secrets": 12 + 6 + 0.5 + 3 + 1.6,
        "Uploads and purges": 0.0035 + 1_000 * 2 * 0.0000133334,  # 200 paths of the thousand that are free
    }
    assert {item: row.usd for item, row in rows.items()} == pytest.approx(expected)
    assert total(list(rows.values())) == pytest.approx(sum(expected.values()))
    assert 200 < total(list(rows.values())) < 210


def test_what_is_counted_in_the_bill_is_in_the_template(templates: Mapping[str, Template]) -> None:
    """An alarm, a rule or an endpoint more is money that the table would not show."""
    template = templates["production"]
    firewalls = properties(template, "AWS::WAFv2::WebACL")
    watched = [alarm.get("Metrics", [{"MetricStat": {}}]) for alarm in properties(template, "AWS::CloudWatch::Alarm")]
    endpoints = properties(template, "AWS::EC2::VPCEndpoint")

    assert (len(firewalls), sum(len(one["Rules"]) for one in firewalls)) == (ACLS, RULES)
    assert sum("MetricStat" in query for queries in watched for query in queries) == ALARM_METRICS
    assert len(properties(template, "AWS::CloudWatch::CompositeAlarm")) == 1
    assert len(properties(template, "AWS::SecretsManager::Secret")) == SECRETS
    assert sum(one.get("VpcEndpointType") == "Interface" for one in endpoints) == ENDPOINTS


def test_data_is_paid_by_tiers() -> None:
    assert cdn_data(1_000) == 0
    assert cdn_data(11_000) == pytest.approx(850)
    assert cdn_data(61_000) == pytest.approx(850 + 3_200 + 600)


def test_tasks_of_a_month_follow_the_load() -> None:
    config = production()
    few, many = mean_tasks(1e6, config), mean_tasks(1e9, config)
    assert few == config.renderer.scaling.min_tasks
    rate = cost_of().pictures_per_second * config.renderer.vcpus * 0.6
    assert many == pytest.approx(1e9 / (730 * 3_600) / rate, rel=0.1)


def test_http_sources_pay_nat_and_no_endpoints() -> None:
    config = replace(development(), network=NetworkConfig(http_sources=True))
    rows = {row.item: row.usd for row in monthly_cost(1e7, 0.95, 35_000, config)}
    assert rows["Interface endpoints"] == 0
    assert rows["NAT, if all sources are http(s)"] > 33


def test_prices_that_nobody_checked_are_marked() -> None:
    table, prices = bill([(1e7, development()), (1e9, production())]), price_list()
    assert "| WAF †" in table
    assert "| CloudFront, data |" in table
    for name, price in PRICES.items():
        assert (f"| {name} †" in prices) is not price.is_checked
        assert price.source
        assert price.date


def test_the_command_needs_neither_an_account_nor_the_cdk() -> None:
    program = (
        "import sys; from infra.simulation.__main__ import main; main(['--cost']);"
        "sys.exit('aws_cdk' in sys.modules or 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "1,000 M, production" in done.stdout
