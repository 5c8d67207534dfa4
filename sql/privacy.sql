-- name: person_keys
select subject, wrapped from hub.person_keys where subject = any ($1::text[])

-- name: destroy_person_key
update hub.person_keys set wrapped = null, destroyed_at = hub.now() where subject = $1 and wrapped is not null
