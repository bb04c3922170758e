-- Ways of failing that are told apart otherwise now: what is wrong with token, account or payment is the connection's, and
-- a parameter that Meta does not take is no invalid number.
UPDATE broadcast_counts SET name = 'failed/connection/' || SUBSTR(name, 17)
    WHERE name IN (
        'failed/rejected/META_REJECTED/3', 'failed/rejected/META_REJECTED/10', 'failed/rejected/META_REJECTED/33',
        'failed/rejected/META_REJECTED/104', 'failed/rejected/META_REJECTED/200', 'failed/rejected/META_REJECTED/368',
        'failed/rejected/META_REJECTED/131005', 'failed/rejected/META_REJECTED/131031',
        'failed/rejected/META_REJECTED/131037', 'failed/rejected/META_REJECTED/131042',
        'failed/rejected/META_REJECTED/131045', 'failed/rejected/META_REJECTED/133010',
        'failed/rejected/META_REJECTED/134011', 'failed/rejected/META_REJECTED/139000');
UPDATE broadcast_counts SET name = 'failed/rejected/META_REJECTED/131009'
    WHERE name = 'failed/invalid_number/META_REJECTED/131009';
