"""SQL of rollups: readings to hours, hours to days, and one metric's sums into another's."""

from mqtt_app.domain.readings.buckets import LARGEST_TERM

COLUMNS = (
    "metric_id, hours, start, count, numbers, sum, min, max, first_time, first, first_text,"
    " last_time, last, last_text"
)

MERGE = """
ON CONFLICT (metric_id, hours, start) DO UPDATE SET
    count = r.count + excluded.count,
    numbers = r.numbers + excluded.numbers,
    sum = r.sum + excluded.sum,
    min = least(r.min, excluded.min),
    max = greatest(r.max, excluded.max),
    first_time = least(r.first_time, excluded.first_time),
    first = CASE WHEN excluded.first_time < r.first_time THEN excluded.first ELSE r.first END,
    first_text = CASE WHEN excluded.first_time < r.first_time
        THEN excluded.first_text ELSE r.first_text END,
    last_time = greatest(r.last_time, excluded.last_time),
    last = CASE WHEN excluded.last_time >= r.last_time THEN excluded.last ELSE r.last END,
    last_text = CASE WHEN excluded.last_time >= r.last_time
        THEN excluded.last_text ELSE r.last_text END
"""

ROLL_UP = f"""
WITH fresh AS (
    SELECT m.id AS metric_id, date_trunc('hour', r.time, 'UTC') AS start, r.time, r.id,
        coalesce(r.value, r.boolean::int::float8) AS number, r.text
    FROM mqtt_reading r JOIN mqtt_metric m ON m.device_id = r.device_id AND m.name = r.metric
    WHERE r.id > %(after)s AND r.id <= %(until)s AND r.quality < %(implausible)s
), hour AS MATERIALIZED (
    SELECT metric_id, start, count(*) AS count, count(number) AS numbers,
        coalesce(sum(CASE WHEN number IS NOT NULL THEN
            greatest(least(number, {LARGEST_TERM}), -{LARGEST_TERM}) END), 0) AS sum,
        min(number) AS min, max(number) AS max, min(time) AS first_time, max(time) AS last_time,
        array_agg(number ORDER BY time, id) AS values, array_agg(text ORDER BY time, id) AS texts
    FROM fresh GROUP BY metric_id, start
), hourly AS (
    SELECT metric_id, 1 AS hours, start, count, numbers, sum, min, max, first_time,
        values[1] AS first, texts[1] AS first_text, last_time,
        values[count] AS last, texts[count] AS last_text
    FROM hour
), daily AS (
    SELECT metric_id, 24 AS hours, date_trunc('day', start, 'UTC') AS start, sum(count) AS count,
        sum(numbers) AS numbers, sum(sum) AS sum, min(min) AS min, max(max) AS max,
        min(first_time) AS first_time, (array_agg(first ORDER BY start))[1] AS first,
        (array_agg(first_text ORDER BY start))[1] AS first_text, max(last_time) AS last_time,
        (array_agg(last ORDER BY start DESC))[1] AS last,
        (array_agg(last_text ORDER BY start DESC))[1] AS last_text
    FROM hourly GROUP BY metric_id, date_trunc('day', start, 'UTC')
)
INSERT INTO mqtt_rollup AS r ({COLUMNS})
SELECT {COLUMNS} FROM (SELECT * FROM hourly UNION ALL SELECT * FROM daily) AS both_periods
ORDER BY metric_id, hours, start
{MERGE}
"""

MOVE = f"""
INSERT INTO mqtt_rollup AS r ({COLUMNS})
SELECT t.id, s.hours, s.start, s.count, s.numbers, s.sum, s.min, s.max, s.first_time, s.first,
    s.first_text, s.last_time, s.last, s.last_text
FROM mqtt_rollup s JOIN mqtt_metric f ON f.id = s.metric_id
    JOIN mqtt_metric t ON t.device_id = %(target)s AND t.name = f.name
WHERE f.device_id = %(source)s
ORDER BY t.id, s.hours, s.start
{MERGE}
"""

REMOVE = """
DELETE FROM mqtt_rollup r USING mqtt_metric m WHERE m.id = r.metric_id AND m.device_id = %(device)s
"""

# `left over`: of devices and sites that are gone
EXPIRE = """
DELETE FROM mqtt_rollup WHERE ctid = ANY(ARRAY(
    SELECT r.ctid FROM mqtt_rollup r LEFT JOIN mqtt_metric m ON m.id = r.metric_id
        LEFT JOIN mqtt_device d ON d.id = m.device_id LEFT JOIN mqtt_site s ON s.id = d.site_id
    WHERE s.id IS NULL OR r.start < %(now)s - make_interval(days =>
        CASE r.hours WHEN 1 THEN least(s.rollup_days, %(hour_days)s) ELSE s.rollup_days END)
    LIMIT %(chunk)s
))
"""
