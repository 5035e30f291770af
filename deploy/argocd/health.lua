-- Health of a SopsSecret for Argo CD. `obj` is the object; the answer is a table with `status` and
-- `message`. Right for objects that sops-operator reports on, and for those that only have the
-- message of the original.

local function answer(status, message)
  return { status = status, message = message or "" }
end

-- The only texts of the original that do not mean a failure.
local HEALTHY = "Healthy"
local SUSPENDED = "Reconciliation is suspended"

if obj.spec ~= nil and obj.spec.suspend == true then
  return answer("Suspended", SUSPENDED)
end

local status = obj.status
if status == nil then
  return answer("Progressing", "Waiting for the operator")
end

local generation = obj.metadata ~= nil and obj.metadata.generation or nil
local function is_behind(observed)
  return observed ~= nil and generation ~= nil and observed < generation
end

if is_behind(status.observedGeneration) then
  return answer("Progressing", "The operator has not seen the last change yet")
end

local by_type = {}
for _, condition in ipairs(status.conditions or {}) do
  by_type[condition.type] = condition
end

local stalled = by_type["Stalled"]
if stalled ~= nil and stalled.status == "True" and not is_behind(stalled.observedGeneration) then
  return answer("Degraded", stalled.message)
end

local ready = by_type["Ready"]
if ready ~= nil then
  if is_behind(ready.observedGeneration) then
    return answer("Progressing", "The operator has not seen the last change yet")
  end
  if ready.status == "True" then
    return answer("Healthy", ready.message)
  end
  -- Also while it is tried again: a person has to see it.
  if ready.status == "False" then
    return answer("Degraded", ready.message)
  end
  return answer("Progressing", ready.message)
end

local message = status.message
if message == nil or message == "" then
  return answer("Progressing", "Waiting for the operator")
end
if message == HEALTHY then
  return answer("Healthy", message)
end
if message == SUSPENDED then
  -- Suspended before, and not any more: the operator has yet to notice.
  return answer("Progressing", "Waiting for the operator")
end
return answer("Degraded", message)
