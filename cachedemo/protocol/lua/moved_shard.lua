-- A shard that is not current, any more or yet, answers nothing else. The number of shards is in its name.
if redis.call('EXISTS', OPENED) == 0 then return '{"shards": null}' end
