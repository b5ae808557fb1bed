-- What wrk saw, as a line of JSON that benchmarks.pictures.wrk reads. Latencies are in microseconds.
done = function(summary, latency)
  local errors = summary.errors
  local broken = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    'TOLD {"requests": %d, "microseconds": %d, "bytes": %d, "status": %d, "socket": %d, "p50": %d, "p95": %d, "p99": %d}\n',
    summary.requests, summary.duration, summary.bytes, errors.status, broken,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
