"""What only the server's operators do: get an administrator back in, change the key."""

import time

import click

from app.accounts.operations import reset_credential
from app.accounts.queries import credential_by_name
from app.accounts.second_factor import remove_factor
from app.accounts.sessions import activation_link
from app.admin.views import bp
from app.core import audit, rotation
from app.core.clock import now
from app.core.db import transaction
from app.core.errors import Conflict
from app.core.instance import require_instance

GRACE = 65
"""Longer than the server lets a request run (app/serving.py)."""


@bp.cli.command("reset-account")
@click.argument("name")
@click.option("--second-factor", is_flag=True, help="forget the device and the recovery codes too")
def reset_account(name: str, *, second_factor: bool) -> None:
    """Reset the account with this login name or identity number; prints its one-time link.

    Administrators' accounts are reset here only: a page for it would let one of them become
    another.
    """
    with transaction():
        account = credential_by_name(name)
        if account is None:
            raise click.ClickException("没有这个账号 / no such account")
        if second_factor and remove_factor(account.person_id):
            subject = ("person", account.person_id)
            audit.record("account:factor_reset", subject=subject, actor_id=None, now=now())
        secret = reset_credential(account, actor=None, now=now())
        click.echo(f"{account.person.name}  {activation_link(secret)}")


@bp.cli.command("rotate-key")
@click.option("--wait", default=GRACE, show_default=True, help="seconds for requests under way")
def rotate_key(*, wait: int) -> None:
    """Seal and hash identity numbers and other secrets with new keys; the server may go on.

    Whoever was interrupted runs it again: it goes on where it was. The old keys are read until
    nothing is left that they made.
    """
    require_instance()
    begun = rotation.begin()
    click.echo("已启用新密钥" if begun else "继续上次未完成的更换")
    count = _reseal()
    click.echo(f"已重新加密 {count} 项，等待正在处理的请求 {wait} 秒")
    # A request that had read the old key before may seal with it until it ends.
    time.sleep(wait)
    count += _reseal()
    try:
        with transaction():
            retired = rotation.finish(count, now=now())
    except Conflict as left:
        raise click.ClickException(left.message) from left
    click.echo(f"共重新加密 {count} 项，旧密钥不再使用：")
    for path in retired:
        click.echo(f"  {path}")


def _reseal() -> int:
    """Seal everything anew, some at a time; returns how much it was."""
    count = 0
    while True:
        with transaction():
            some = rotation.reseal_some()
        if not some:
            return count
        count += some
