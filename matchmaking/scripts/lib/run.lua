-- run: which run of the store this is, '' if it does not say (heartbeat.lua). The last of KEYS is `lineage` in every script that
-- includes this part.
local RUN = store_run()
