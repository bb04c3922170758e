-- Whoever could erase a person could hand out all that is known of one as well: that is a permission of its own now, and
-- who had the one has the other.
UPDATE roles SET permissions = REPLACE(permissions, '"contacts_erase"', '"contacts_erase","contacts_disclose"')
WHERE permissions LIKE '%"contacts_erase"%';
