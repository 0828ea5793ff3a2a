-- Reports that the newest list of members is kept aside: it was empty, much shorter, or read with another token or
-- right than the last. Nobody joined or left by it; a look an hour or more later decides.
select org_login, looked_at, member_count, doubt
from organization_look
where not is_taken
qualify looked_at = max(looked_at) over ()
    and looked_at > coalesce((select max(looked_at) from organization_look where is_taken), timestamptz '-infinity')
