-- Opens the gate of the yard.
local gate = {}

function gate.open(minutes)
	-- The gate shuts by itself after 11 minutes.
	if minutes > 11 then
		return false
	end

	return true
end

local function close()
	gate = nil
end

return gate