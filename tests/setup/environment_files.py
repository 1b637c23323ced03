"""Texts of an EnvironmentFile, with what systemd makes of each (systemd.exec(5), env-file.c of 252)."""

FILES: dict[str, dict[str, str]] = {
    "A=1\nB=two\n": {"A": "1", "B": "two"},
    "A=1\r\nB=2\r\n": {"A": "1", "B": "2"},
    "# no\n; no = yes\n   # no\nA=1": {"A": "1"},
    "  A  =  1 2  \t\n": {"A": "1 2"},
    "A=1 # part of it\n": {"A": "1 # part of it"},
    "A=\nB=  \nC=''\n": {"A": "", "B": "", "C": ""},
    "A\nB=1\n": {"B": "1"},
    "A=1\nA=2\n": {"A": "2"},
    'A="a b"  \nB=\'c "d"\'\n': {"A": "a b", "B": 'c "d"'},
    "A=\"a\"'b' c\n": {"A": "abc"},
    "A=say \"it\" 'so'\n": {"A": "say \"it\" 'so'"},
    'A="one\ntwo"\nB=1\n': {"A": "one\ntwo", "B": "1"},
    "A=one\\\ntwo\n": {"A": "onetwo"},
    'A="one\\\ntwo"\n': {"A": "onetwo"},
    'A="\\"\\\\\\`\\$\\n"\n': {"A": '"\\`$\\n'},
    "A=a\\ b\\$c\\\\d\n": {"A": "a b$c\\d"},
    "A='a\\b\\'\n": {"A": "a\\b\\"},
    "A=$HOME `id` $(id) ${HOME} ~ * ! & | > <\n": {"A": "$HOME `id` $(id) ${HOME} ~ * ! & | > <"},
    "GUNICORN_CMD_ARGS=--certfile=/etc/m2m-idp/tls.crt --keyfile=/etc/m2m-idp/tls.key\n": {
        "GUNICORN_CMD_ARGS": "--certfile=/etc/m2m-idp/tls.crt --keyfile=/etc/m2m-idp/tls.key"
    },
    "DATABASE_URL=postgres://u:p@h/n?sslmode=require&target_session_attrs=any\n": {
        "DATABASE_URL": "postgres://u:p@h/n?sslmode=require&target_session_attrs=any"
    },
    "SECRET_KEY=a+/b==\n": {"SECRET_KEY": "a+/b=="},
    "A=ä 日本\n": {"A": "ä 日本"},
    'A="not closed\n': {"A": "not closed\n"},
}
