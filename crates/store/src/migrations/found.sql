-- Failed messages of a contact who has many others.
CREATE INDEX messages_failed_of ON messages (tenant_id, contact_id, id) WHERE failed_at IS NOT NULL;

-- Who agreed, and who did not, however few they are. With the column that tells parts of others, so that SQLite need not
-- look at the contacts to count them.
CREATE INDEX contacts_opted ON contacts (tenant_id, opted_in, merged_into, id);

-- A text with a plus is the beginning of a phone number, or a part of one of these few names: so a number is found without
-- a look at the texts.
CREATE INDEX contacts_named_with_plus ON contacts (tenant_id, id) WHERE name LIKE '%+%' OR username LIKE '%+%';

-- Who is part of another contact bears no tags: whoever has a tag is listed.
UPDATE contacts SET tags = '[]' WHERE merged_into IS NOT NULL AND tags <> '[]';
