"""Error reports to Sentry, Bugsnag, Honeybadger and Airbrake (spec 03 section 7.6)."""
